/** What stands in place of a tile's traces. Pure, so that it can be tested without a page. */

export type TraceState = "no-device" | "no-data" | "waiting" | "lead-off" | null;

export interface TraceFacts {
  readonly devices: number;
  readonly linked: boolean;
  /** How many traces the patient's devices can send to the tile. */
  readonly lanes: number;
  /** Whether samples of one of them came lately. */
  readonly heard: boolean;
  /** Whether an alarm stands because data stopped. */
  readonly stopped: boolean;
  /** Whether there ever was a number, of whatever measure. */
  readonly hadNumber: boolean;
  /** Age of the newest value, also of one that says that there is no number; null without any. */
  readonly wordAgeS: number | null;
  readonly leadOff: boolean;
}

/** Values of what sends none of our traces (a radar) come every 2 s, and are stale after this. */
const STALE_S = 15;

/** Null: nothing is to be said. */
export function traceState(facts: TraceFacts): TraceState {
  const { devices, linked, lanes, heard, stopped, hadNumber, wordAgeS, leadOff } = facts;
  if (devices === 0) return "no-device";
  if (!linked) return "no-data";
  if (lanes === 0 && wordAgeS !== null && wordAgeS <= STALE_S) return null; // its numbers are all there is
  if (!heard && (stopped || hadNumber)) return "no-data";
  if (!heard) return "waiting";
  return leadOff ? "lead-off" : null;
}
