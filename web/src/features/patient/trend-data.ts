/** From the server's answer to what a trend draws: gaps stay gaps, extremes stay extremes. */
import type { Vitals } from "../../api/types";

export interface TrendPoint {
  /** Milliseconds UTC: of the value, or of the middle of its bucket. */
  readonly atMs: number;
  readonly value: number;
  /** The least and the greatest that stand behind the value; itself when it stands alone. */
  readonly low: number;
  readonly high: number;
  /** Values that it stands for. */
  readonly count: number;
}

export interface TrendData {
  /** Runs of points without a hole: one line each. */
  readonly runs: readonly (readonly TrendPoint[])[];
  /** Milliseconds without values, as start and end. */
  readonly gaps: readonly (readonly [number, number])[];
}

export interface TimeRange {
  readonly fromMs: number;
  readonly toMs: number;
}

const STORED_EACH_S = 5; // a value is stored so often, and at each change of its state
const MOST_STEPS = 3; // a hole of more steps is shaded and not bridged

/**
 * `intervalS`: how often a value is expected; what comes as seldom as that is no hole.
 * `knownMs`: until when the server could know values; what is later is not missing.
 */
export function trendData({ points, resolution_s: step }: Pick<Vitals, "points" | "resolution_s">, range: TimeRange, intervalS: number, knownMs = range.toMs): TrendData {
  const longestMs = Math.max(step, intervalS, STORED_EACH_S) * MOST_STEPS * 1000;
  const gaps: (readonly [number, number])[] = [];
  const runs: TrendPoint[][] = [];
  let run: TrendPoint[] = [];
  let lastMs = range.fromMs;
  for (const point of bestOfEachTime(points)) {
    const atMs = Date.parse(point.t) + step * 500;
    if (atMs - lastMs > longestMs) {
      gaps.push([lastMs, atMs]);
      run = [];
    }
    if (run.length === 0) runs.push(run);
    run.push({ atMs, value: point.value, low: point.min ?? point.value, high: point.max ?? point.value, count: point.n });
    lastMs = atMs;
  }
  const endMs = Math.min(range.toMs, knownMs);
  if (endMs - lastMs > longestMs) gaps.push([lastMs, endMs]);
  return { runs, gaps };
}

type Known = Vitals["points"][number] & { readonly value: number };

/** Several devices and methods stand side by side: of one time, the value of the best quality. */
function bestOfEachTime(points: Vitals["points"]): Known[] {
  const best: Known[] = [];
  for (const point of points) {
    const { value } = point;
    if (value === null || point.validity === "absent") continue;
    const before = best.at(-1);
    if (before?.t !== point.t) best.push({ ...point, value });
    else if (point.quality > before.quality) best[best.length - 1] = { ...point, value };
  }
  return best;
}

export interface TrendLimits {
  readonly low: number | null;
  readonly high: number | null;
}

/** Whether any value behind the point was beyond a limit. */
export function isOutside({ low, high }: TrendPoint, limits: TrendLimits): boolean {
  return (limits.low !== null && low < limits.low) || (limits.high !== null && high > limits.high);
}

/** A scale that shows the values and their limits, with a little room. */
export function trendScale({ runs }: TrendData, limits: TrendLimits, least: number): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (const run of runs) {
    for (const point of run) {
      low = Math.min(low, point.low);
      high = Math.max(high, point.high);
    }
  }
  for (const limit of [limits.low, limits.high]) {
    if (limit === null) continue;
    low = Math.min(low, limit);
    high = Math.max(high, limit);
  }
  if (low > high) return [0, least];
  const room = Math.max((high - low) * 0.12, (least - (high - low)) / 2, 0);
  return [low - room, high + room];
}

/** The point that stands for a time; null where there is none near enough. */
export function pointAt({ runs }: TrendData, atMs: number, withinMs: number): TrendPoint | null {
  let nearest: TrendPoint | null = null;
  for (const run of runs) {
    const first = run[0];
    const last = run.at(-1);
    if (first === undefined || last === undefined) continue;
    if (atMs < first.atMs - withinMs || atMs > last.atMs + withinMs) continue;
    for (const point of run) {
      if (nearest === null || Math.abs(point.atMs - atMs) < Math.abs(nearest.atMs - atMs)) nearest = point;
    }
  }
  return nearest;
}
