import { describe, expect, it } from "vitest";

import { trendData, trendScale } from "./trend-data";

const START = Date.parse("2026-11-21T10:00:00Z");
const at = (second: number, value: number | null, validity = "valid") => ({
  t: new Date(START + second * 1000).toISOString(),
  value,
  min: value,
  max: value,
  n: 1,
  quality: 1,
  validity,
  source: "computed",
  device: "sim-1",
  method: "ecg_beat_intervals",
});
const RANGE = { fromMs: START, toMs: START + 100_000 };

describe("trendData", () => {
  it("never bridges missing data, and says where it is", () => {
    const { values, gaps } = trendData({ resolution_s: 5, points: [at(0, 70), at(5, 71), at(60, 80), at(65, 81), at(95, 82)] }, RANGE, 1);
    expect(values).toEqual([70, 71, null, 80, 81, null, 82]);
    expect(gaps.map(([from, to]) => [from - START / 1000, to - START / 1000])).toEqual([
      [5, 60],
      [65, 95],
    ]);
  });

  it("shades what lies before the first and after the last value", () => {
    const { gaps } = trendData({ resolution_s: 1, points: [at(50, 70)] }, RANGE, 1);
    expect(gaps).toHaveLength(2);
  });

  it("shades everything when there is nothing", () => {
    expect(trendData({ resolution_s: 1, points: [] }, RANGE, 1)).toEqual({ times: [], values: [], gaps: [[START / 1000, START / 1000 + 100]] });
  });

  it("shows one value of each time: the one of the best quality", () => {
    const points = [{ ...at(0, 70), quality: 0.5 }, { ...at(0, 140), quality: 0.2 }, { ...at(5, 90), quality: 0.2 }, { ...at(5, 71), quality: 0.9 }];
    expect(trendData({ resolution_s: 5, points }, RANGE, 1).values).toEqual([70, 71]);
  });

  it("takes absent values for missing", () => {
    expect(trendData({ resolution_s: 5, points: [at(0, null), at(5, 70, "absent")] }, RANGE, 1).times).toEqual([]);
  });

  it("does not call a measure that is seldom taken a hole", () => {
    const points = [at(0, 36.9), at(60, 37), at(99, 37)];
    expect(trendData({ resolution_s: 1, points }, RANGE, 60).gaps).toEqual([]);
  });
});

describe("trendScale", () => {
  it("shows values and limits with room, and never less than a useful span", () => {
    const [low, high] = trendScale([70, 72, null], [50, 120], 16);
    expect(low).toBeLessThan(50);
    expect(high).toBeGreaterThan(120);
    expect(trendScale([70], [null, null], 16)).toEqual([62, 78]);
    expect(trendScale([], [], 16)).toEqual([0, 16]);
  });
});
