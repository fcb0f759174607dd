/** Events and alarms over the trends: what would lie on top of another joins it, the worst leads. */
import type { PatientEvent } from "../../api/types";
import { alarmMessage } from "../../design/format/alarm-text";
import { eventText } from "../../design/format/event-text";
import { formatDuration, formatTimeOfDay } from "../../design/format/times";
import type { Priority } from "../../design/marks";
import { eventTexts } from "../../design/texts-events";
import { parseAlarm } from "../../live/messages";
import { episodes, isFinding } from "./episodes";

export interface Happening {
  readonly id: string;
  readonly atMs: number;
  /** Of what lasted; null for a moment, "open" for what has begun and not ended. */
  readonly endMs: number | "open" | null;
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
const LEAST_SPAN_MS = 1_000;
const LEAST_BAR_PX = 3;

/** What a nurse would want to see on the axis; an alarm and a finding are told once, at their onset. */
export function happenings(events: readonly PatientEvent[], decimals: (measure: string) => number): Happening[] {
  const found = new Map<string, Happening>();
  for (const event of events) {
    if (isFinding(event)) continue;
    const happening = happeningOf(event, decimals);
    const before = found.get(happening.id);
    if (before === undefined || happening.atMs < before.atMs) found.set(happening.id, happening);
  }
  for (const { id, startMs, endMs, isOpen, text } of episodes(events)) {
    const lasted = endMs - startMs >= LEAST_SPAN_MS ? endMs : null;
    found.set(id, { id, atMs: startMs, endMs: isOpen ? "open" : lasted, priority: null, technical: false, text });
  }
  return [...found.values()].sort((one, other) => other.atMs - one.atMs);
}

function happeningOf(event: PatientEvent, decimals: (measure: string) => number): Happening {
  const alarm = event.kind === "alarm" ? parseAlarm(event.data) : null;
  if (alarm === null) {
    return { id: event.id, atMs: Date.parse(event.t), endMs: null, priority: null, technical: false, text: eventText(event) };
  }
  return {
    id: alarm.id,
    atMs: Date.parse(alarm.since),
    endMs: null,
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

/** When it was over, in words; empty for a moment. */
export function endText({ atMs, endMs }: Happening): string {
  if (endMs === null) return "";
  return endMs === "open" ? eventTexts.episodes.open : eventTexts.episodes.until(formatTimeOfDay(endMs), formatDuration((endMs - atMs) / 1000));
}

export interface Bar {
  readonly id: string;
  readonly left: number;
  readonly width: number;
}

/** What lasted, from beginning to end in pixels; what has not ended lasts until `toMs`. */
export function barsOf(all: readonly Happening[], toMs: number, x: (atMs: number) => number): Bar[] {
  return all.flatMap(({ id, atMs, endMs }) => {
    if (endMs === null) return [];
    const left = x(atMs);
    return [{ id, left, width: Math.max(LEAST_BAR_PX, x(endMs === "open" ? toMs : Math.min(endMs, toMs)) - left) }];
  });
}

function rank({ priority, technical }: Happening): number {
  if (priority === null) return QUIET;
  return RANK[priority] + (technical ? 0.5 : 0);
}
