/** From the server's answer to what a chart draws: gaps stay gaps. */
import type { Vitals } from "../../api/types";

export interface TrendData {
  /** Seconds UTC. */
  readonly times: number[];
  readonly values: (number | null)[];
  /** Seconds without values, as start and end. */
  readonly gaps: (readonly [number, number])[];
}

const MOST_STEPS = 3; // a hole of more steps is shaded and not bridged

/** `intervalS`: how often a value is expected; what comes as seldom as that is no hole. */
export function trendData({ points, resolution_s: step }: Pick<Vitals, "points" | "resolution_s">, range: { readonly fromMs: number; readonly toMs: number }, intervalS: number): TrendData {
  const times: number[] = [];
  const values: (number | null)[] = [];
  const gaps: (readonly [number, number])[] = [];
  const longest = Math.max(step, intervalS) * MOST_STEPS;
  let last = range.fromMs / 1000;
  for (const point of bestOfEachTime(points)) {
    const at = Date.parse(point.t) / 1000;
    if (at - last > longest) {
      gaps.push([last, at]);
      times.push(last + longest / 2);
      values.push(null);
    }
    times.push(at);
    values.push(point.value);
    last = at;
  }
  const end = range.toMs / 1000;
  if (end - last > longest) gaps.push([last, end]);
  return { times, values, gaps };
}

/** Several devices and methods stand side by side: of one time, the value of the best quality. */
function bestOfEachTime(points: Vitals["points"]): Vitals["points"] {
  const best: Vitals["points"] = [];
  for (const point of points) {
    if (point.value === null || point.validity === "absent") continue;
    const before = best.at(-1);
    if (before?.t !== point.t) best.push(point);
    else if (point.quality > before.quality) best[best.length - 1] = point;
  }
  return best;
}

/** A scale that shows the values and their limits, with a little room. */
export function trendScale(values: readonly (number | null)[], limits: readonly (number | null)[], least: number): [number, number] {
  const known = [...values, ...limits].filter((value): value is number => value !== null);
  if (known.length === 0) return [0, least];
  const low = Math.min(...known);
  const high = Math.max(...known);
  const room = Math.max((high - low) * 0.12, (least - (high - low)) / 2, 0);
  return [low - room, high + room];
}
