/** Standing alarms and their order. Nothing here quiets an alarm: only the server's word does. */
import type { Alarm } from "./messages";

export type Priority = Alarm["priority"];
export type Loudness = "active" | "silenced" | "acknowledged";

const PRIORITY_RANK: Readonly<Record<Priority, number>> = { high: 0, medium: 1, low: 2 };
const STANDING: ReadonlySet<string> = new Set(["active", "acknowledged", "cleared"]);

export class AlarmStore {
  readonly #alarms = new Map<string, Alarm>();
  #known = false;
  #version = 0;

  /** Whether the list is complete: loaded from the server since the link last came up. */
  get known(): boolean {
    return this.#known;
  }

  /** Grows with every change. */
  get version(): number {
    return this.#version;
  }

  /** The link is gone: what stands is not known any more. */
  forget(): void {
    this.#known = false;
    this.#version += 1;
  }

  /** The whole truth of a ward as of the answer to a request; newer live news are kept. */
  load(ward: string, alarms: readonly Alarm[]): void {
    const listed = new Set(alarms.map((alarm) => alarm.id));
    for (const alarm of this.#alarms.values()) {
      if (alarm.ward === ward && !listed.has(alarm.id)) this.#alarms.delete(alarm.id);
    }
    for (const alarm of alarms) this.#keep(alarm);
    this.#known = true;
    this.#version += 1;
  }

  receive(alarm: Alarm): void {
    this.#keep(alarm);
    this.#version += 1;
  }

  ofPatient(patient: string): Alarm[] {
    return [...this.#alarms.values()].filter((alarm) => alarm.patient === patient).sort(byUrgency);
  }

  all(): Alarm[] {
    return [...this.#alarms.values()].sort(byUrgency);
  }

  /** Alarms that call now: neither seen nor paused, the worst first. */
  calling(nowMs: number): Alarm[] {
    return this.all().filter((alarm) => loudness(alarm, nowMs) === "active");
  }

  /** When the last standing pause ends; null when alarms call or nothing is paused. */
  pausedUntil(nowMs: number): number | null {
    let until: number | null = null;
    for (const alarm of this.#alarms.values()) {
      if (loudness(alarm, nowMs) === "active") return null;
      if (loudness(alarm, nowMs) !== "silenced") continue;
      until = Math.max(until ?? 0, Date.parse(alarm.paused_until ?? ""));
    }
    return until;
  }

  #keep(alarm: Alarm): void {
    const held = this.#alarms.get(alarm.id);
    if (held !== undefined && Date.parse(alarm.updated) < Date.parse(held.updated)) return;
    if (STANDING.has(alarm.state)) this.#alarms.set(alarm.id, alarm);
    else this.#alarms.delete(alarm.id);
  }
}

/** Whether an alarm calls, is paused, or was seen by somebody. */
export function loudness(alarm: Alarm, nowMs: number): Loudness {
  if (alarm.state === "acknowledged") return "acknowledged";
  const until = alarm.paused_until === null ? NaN : Date.parse(alarm.paused_until);
  return until > nowMs ? "silenced" : "active";
}

/** Whether the cause has ended and the alarm only waits to be seen. */
export function isLatched(alarm: Alarm): boolean {
  return alarm.state === "cleared";
}

function byUrgency(one: Alarm, other: Alarm): number {
  return (
    Number(one.state === "acknowledged") - Number(other.state === "acknowledged") ||
    PRIORITY_RANK[one.priority] - PRIORITY_RANK[other.priority] ||
    Number(one.kind === "technical") - Number(other.kind === "technical") ||
    Date.parse(other.since) - Date.parse(one.since)
  );
}

/** Place in the grid: active before quiet; high, medium, low; physiological before technical. */
export function urgency(alarm: Alarm | null, nowMs: number): number {
  if (alarm === null) return 20;
  const quiet = loudness(alarm, nowMs) === "active" ? 0 : 10;
  return quiet + PRIORITY_RANK[alarm.priority] * 2 + (alarm.kind === "technical" ? 1 : 0);
}

export interface AlarmCounts {
  high: number;
  medium: number;
  low: number;
  technical: number;
  quiet: number;
}

export function countAlarms(alarms: readonly Alarm[], nowMs: number): AlarmCounts {
  const counts: AlarmCounts = { high: 0, medium: 0, low: 0, technical: 0, quiet: 0 };
  for (const alarm of alarms) counts[category(alarm, nowMs)] += 1;
  return counts;
}

export function category(alarm: Alarm, nowMs: number): keyof AlarmCounts {
  if (loudness(alarm, nowMs) !== "active") return "quiet";
  return alarm.kind === "technical" ? "technical" : alarm.priority;
}
