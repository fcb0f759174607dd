import { describe, expect, it } from "vitest";

import type { TrendData } from "./trend-data";
import { trendTable } from "./trend-table";

const point = (atMs: number, value: number, low = value, high = value, count = 1) => ({ atMs, value, low, high, count });

describe("trendTable", () => {
  it("weighs the means and keeps the extremes, the newest row first", () => {
    const lane: TrendData = { runs: [[point(1, 80, 60, 90, 3), point(2, 100, 95, 130, 1)], [point(119, 50)]], gaps: [] };
    const rows = trendTable([lane, null], { fromMs: 0, toMs: 120 });
    expect(rows).toHaveLength(12);
    expect(rows[0]).toEqual({ fromMs: 110, cells: [{ mean: 50, low: 50, high: 50 }, null] });
    expect(rows.at(-1)).toEqual({ fromMs: 0, cells: [{ mean: 85, low: 60, high: 130 }, null] });
    expect(rows[5]?.cells).toEqual([null, null]);
  });
});
