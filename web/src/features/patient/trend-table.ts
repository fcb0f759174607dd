/** The trends in words and numbers: some two dozen rows, with nothing of the extremes lost. */
import type { TimeRange, TrendData } from "./trend-data";

export interface TableCell {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

export interface TableRow {
  readonly fromMs: number;
  /** One a lane; null where no value was. */
  readonly cells: readonly (TableCell | null)[];
}

const ROWS = 12;

/** Rows of equal length, the newest first. */
export function trendTable(lanes: readonly (TrendData | null)[], { fromMs, toMs }: TimeRange): TableRow[] {
  const lengthMs = (toMs - fromMs) / ROWS;
  const rows: TableRow[] = [];
  for (let row = ROWS - 1; row >= 0; row--) {
    const begin = fromMs + row * lengthMs;
    rows.push({ fromMs: begin, cells: lanes.map((lane) => (lane === null ? null : cellOf(lane, begin, begin + lengthMs))) });
  }
  return rows;
}

function cellOf({ runs }: TrendData, fromMs: number, toMs: number): TableCell | null {
  let sum = 0;
  let count = 0;
  let low = Infinity;
  let high = -Infinity;
  for (const run of runs) {
    for (const point of run) {
      if (point.atMs < fromMs || point.atMs >= toMs) continue;
      sum += point.value * point.count;
      count += point.count;
      low = Math.min(low, point.low);
      high = Math.max(high, point.high);
    }
  }
  return count === 0 ? null : { mean: sum / count, low, high };
}
