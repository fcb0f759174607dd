/** Which alarm a screen reader is told next: each once at its onset and once when it worsens. */
import type { Priority } from "./alarms";
import type { Alarm } from "./messages";

const SPEAK_MS = 3000; // at most one message in this time

export class Announcer {
  readonly #told = new Map<string, Priority>();
  #spokenMs = -Infinity;

  /** The alarm to tell of now, the most urgent first; null while nothing is new or it is too soon. */
  next(calling: readonly Alarm[], nowMs: number): Alarm | null {
    const standing = new Set(calling.map((alarm) => alarm.id));
    for (const id of this.#told.keys()) if (!standing.has(id)) this.#told.delete(id);
    if (nowMs - this.#spokenMs < SPEAK_MS) return null;
    const fresh = calling.find((alarm) => this.#told.get(alarm.id) !== alarm.priority);
    if (fresh === undefined) return null;
    this.#told.set(fresh.id, fresh.priority);
    this.#spokenMs = nowMs;
    return fresh;
  }
}
