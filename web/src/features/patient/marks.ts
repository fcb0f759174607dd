/** Beats as marks over a signal: a letter where each R peak is. */
import type { Beat } from "../../api/types";
import { onSweep, type Sweep, xOf } from "./caliper";
import { letterOf } from "../../live/beat-marks";
import type { Mark } from "./review-drawing";

/** R peaks of what is seen: `devices` sent it; without any of them known, of all. */
export function marksOf(beats: readonly Beat[], devices: ReadonlySet<string>): Mark[] {
  return beats
    .filter(({ kind, device }) => kind === "r_peak" && (devices.size === 0 || devices.has(device)))
    .map((beat) => ({ atMs: Date.parse(beat.t), letter: letterOf(beat.class), rrMs: beat.rr_ms }));
}

export interface PlacedMark {
  readonly atMs: number;
  readonly letter: string;
  readonly x: number;
}

const GAP_S = 0.1; // what the pen has wiped ahead of itself

/** Where the marks lie on a sweep that stands still; those of an older sweep are gone. */
export function placedMarks(marks: readonly Mark[], sweep: Sweep): PlacedMark[] {
  return marks.flatMap(({ atMs, letter }) => {
    const number = Math.round((atMs / 1000) * sweep.hz);
    const isSeen = onSweep(number, sweep) === number && onSweep(number - Math.ceil(GAP_S * sweep.hz), sweep) === number - Math.ceil(GAP_S * sweep.hz);
    return isSeen ? [{ atMs, letter, x: xOf(number, sweep) }] : [];
  });
}

/** How many of each class, in the order of their first. */
export function countsOf(marks: readonly Pick<Mark, "letter">[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { letter } of marks) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  return counts;
}
