/** Events and alarms over the trends: what would lie on top of another joins it, the worst leads. */
import type { PatientEvent } from "../../api/types";
import { alarmMessage } from "../../design/format/alarm-text";
import { eventText } from "../../design/format/event-text";
import type { Priority } from "../../design/marks";
import { parseAlarm } from "../../live/messages";

export interface Happening {
  readonly id: string;
  readonly atMs: number;
  /** Null for what is no alarm. */
  readonly priority: Priority | null;
  readonly technical: boolean;
  readonly text: string;
}

export interface Marker {
  /** The one that leads: the worst, and of equals the latest. */
  readonly lead: Happening;
  /** All that the marker stands for, the latest first. */
  readonly all: readonly Happening[];
  readonly x: number;
}

const RANK = { high: 0, medium: 1, low: 2 } as const;
const QUIET = 3;
export const APART_PX = 24;

/** What a nurse would want to see on the axis; an alarm is told once, at its onset. */
export function happenings(events: readonly PatientEvent[], decimals: (measure: string) => number): Happening[] {
  const found = new Map<string, Happening>();
  for (const event of events) {
    const happening = happeningOf(event, decimals);
    const before = found.get(happening.id);
    if (before === undefined || happening.atMs < before.atMs) found.set(happening.id, happening);
  }
  return [...found.values()].sort((one, other) => other.atMs - one.atMs);
}

function happeningOf(event: PatientEvent, decimals: (measure: string) => number): Happening {
  const alarm = event.kind === "alarm" ? parseAlarm(event.data) : null;
  if (alarm === null) {
    return { id: event.id, atMs: Date.parse(event.t), priority: null, technical: false, text: eventText(event) };
  }
  return {
    id: alarm.id,
    atMs: Date.parse(alarm.since),
    priority: alarm.priority,
    technical: alarm.kind === "technical",
    text: alarmMessage(alarm, decimals(alarm.measure ?? "")),
  };
}

/** Markers at their place in pixels, none nearer to another than `APART_PX`. */
export function markersOf(all: readonly Happening[], x: (atMs: number) => number): Marker[] {
  const worstFirst = [...all].sort((one, other) => rank(one) - rank(other) || other.atMs - one.atMs);
  const markers: { lead: Happening; all: Happening[]; x: number }[] = [];
  for (const happening of worstFirst) {
    const at = x(happening.atMs);
    let near = null;
    for (const marker of markers) {
      const apart = Math.abs(marker.x - at);
      if (apart < APART_PX && (near === null || apart < Math.abs(near.x - at))) near = marker;
    }
    if (near === null) markers.push({ lead: happening, all: [happening], x: at });
    else near.all.push(happening);
  }
  for (const marker of markers) marker.all.sort((one, other) => other.atMs - one.atMs);
  return markers.sort((one, other) => one.x - other.x);
}

function rank({ priority, technical }: Happening): number {
  if (priority === null) return QUIET;
  return RANK[priority] + (technical ? 0.5 : 0);
}
