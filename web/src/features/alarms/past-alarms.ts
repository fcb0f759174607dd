/** What the history of a ward's alarms says. Pure, so that it can be tested without a page. */
import { isLatched, type Priority } from "../../live/alarms";
import type { Alarm } from "../../live/messages";

export type HistoryRange = "8h" | "today" | "7d";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const MINUTE_MS = 60_000;

/** When the range begins; steady within a minute, so that it can be the key of a question. */
export function beginOf(range: HistoryRange, nowMs: number): number {
  switch (range) {
    case "8h":
      return floorHour(nowMs) - 7 * HOUR_MS;
    case "today":
      return startOfDay(nowMs);
    case "7d":
      return addDays(startOfDay(nowMs), -6);
    default:
      return range satisfies never;
  }
}

export interface Bar {
  readonly fromMs: number;
  readonly high: number;
  readonly medium: number;
  readonly low: number;
}

/** Alarms by the hour of their onset, by the day for a week. */
export function bars(alarms: readonly Alarm[], range: HistoryRange, nowMs: number): Bar[] {
  const starts: number[] = [];
  const daily = range === "7d";
  for (let at = beginOf(range, nowMs); at <= nowMs; at = daily ? addDays(at, 1) : at + HOUR_MS) starts.push(at);
  const counted = starts.map((fromMs) => ({ fromMs, high: 0, medium: 0, low: 0 }));
  for (const alarm of alarms) {
    const since = Date.parse(alarm.since);
    const bar = counted.findLast(({ fromMs }) => fromMs <= since);
    if (bar !== undefined) bar[alarm.priority] += 1;
  }
  return counted;
}

export interface Summary {
  readonly perBedDay: number | null;
  readonly medianToSeenS: number | null;
  /** Of those that are over, how many ended before anybody had seen them; 0 to 1. */
  readonly endedAlone: number | null;
}

export function summarise(alarms: readonly Alarm[], beds: number, range: HistoryRange, nowMs: number): Summary {
  const days = Math.max(nowMs - beginOf(range, nowMs), MINUTE_MS) / DAY_MS;
  const seen = alarms.flatMap((alarm) =>
    alarm.acknowledged_at === null ? [] : [(Date.parse(alarm.acknowledged_at) - Date.parse(alarm.since)) / 1000],
  );
  const over = alarms.filter(({ state }) => state === "ended");
  return {
    perBedDay: beds === 0 ? null : alarms.length / beds / days,
    medianToSeenS: median(seen),
    endedAlone: over.length === 0 ? null : over.filter(({ acknowledged_at: at }) => at === null).length / over.length,
  };
}

export type Outcome =
  | { readonly kind: "active" | "latched" | "ended" | "just-ended" }
  | { readonly kind: "standing"; readonly by: string | null }
  | { readonly kind: "seen"; readonly by: string | null; readonly afterS: number };

export function outcomeOf(alarm: Alarm, standing: ReadonlySet<string> | null): Outcome {
  const { acknowledged_at: seenAt, acknowledged_by: by, state } = alarm;
  // the answer is some seconds old: what does not stand any more has ended since
  if (state !== "ended" && standing !== null && !standing.has(alarm.id)) return { kind: "just-ended" };
  if (state === "acknowledged") return { kind: "standing", by };
  if (isLatched(alarm)) return { kind: "latched" };
  if (state === "active") return { kind: "active" };
  if (seenAt === null) return { kind: "ended" };
  return { kind: "seen", by, afterS: (Date.parse(seenAt) - Date.parse(alarm.since)) / 1000 };
}

/** How long it stood, or stands. */
export function lastedS(alarm: Alarm, nowMs: number): number {
  const end = alarm.state === "ended" ? Date.parse(alarm.updated) : nowMs;
  return (end - Date.parse(alarm.since)) / 1000;
}

/** What the server answered with what the live socket said since, the newest first. */
export function merge(past: readonly Alarm[], live: readonly Alarm[], fromMs: number): Alarm[] {
  const byId = new Map(past.map((alarm) => [alarm.id, alarm]));
  for (const alarm of live) {
    const held = byId.get(alarm.id);
    const newer = held === undefined || Date.parse(alarm.updated) >= Date.parse(held.updated);
    if (newer && Date.parse(alarm.since) >= fromMs) byId.set(alarm.id, alarm);
  }
  return [...byId.values()].sort((one, other) => Date.parse(other.since) - Date.parse(one.since));
}

export interface Wanted {
  readonly priority: Priority | "all";
  readonly text: string;
}

/** Those of a priority whose bed, name or person fits every word that was typed. */
export function filterAlarms(alarms: readonly Alarm[], wanted: Wanted, nameOf: (alarm: Alarm) => string): Alarm[] {
  const words = wanted.text.toLowerCase().split(/\s+/).filter((word) => word !== "");
  return alarms.filter((alarm) => {
    if (wanted.priority !== "all" && alarm.priority !== wanted.priority) return false;
    if (words.length === 0) return true;
    const bed = alarm.bed ?? "";
    const hay = `bed ${bed} ${nameOf(alarm)} ${alarm.acknowledged_by ?? ""}`.toLowerCase();
    return words.every((word) => hay.includes(word));
  });
}

function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted[Math.floor((sorted.length - 1) / 2)];
  const next = sorted[Math.floor(sorted.length / 2)];
  return middle === undefined || next === undefined ? null : (middle + next) / 2;
}

function floorHour(ms: number): number {
  return new Date(ms).setMinutes(0, 0, 0);
}

function startOfDay(ms: number): number {
  return new Date(ms).setHours(0, 0, 0, 0);
}

/** Days of the calendar, not of 24 hours: clocks are set twice a year. */
function addDays(ms: number, days: number): number {
  const at = new Date(ms);
  return at.setDate(at.getDate() + days);
}
