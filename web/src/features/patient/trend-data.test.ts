import { describe, expect, it } from "vitest";

import type { Vitals } from "../../api/types";
import { isOutside, pointAt, trendData, trendScale } from "./trend-data";

const START = Date.parse("2026-11-21T10:00:00Z");
const at = (second: number, value: number | null, validity: Vitals["points"][number]["validity"] = "valid"): Vitals["points"][number] => ({
  t: new Date(START + second * 1000).toISOString(),
  value,
  min: value,
  max: value,
  n: 1,
  n_questionable: 0,
  quality: 1,
  validity,
  source: "computed",
  device: "sim-1",
  method: "ecg_beat_intervals",
});
const RANGE = { fromMs: START, toMs: START + 100_000 };
const NO_LIMITS = { low: null, high: null };
const values = (data: ReturnType<typeof trendData>) => data.runs.map((run) => run.map(({ value }) => value));
const seconds = (data: ReturnType<typeof trendData>) => data.gaps.map((gap) => gap.map((ms) => (ms - START) / 1000));

describe("trendData", () => {
  it("never bridges missing data, and says where it is", () => {
    const points = [at(0, 70), at(5, 71), at(60, 80), at(65, 81), at(95, 82)];
    const data = trendData({ resolution_s: 0, points }, RANGE, 5);
    expect(values(data)).toEqual([[70, 71], [80, 81], [82]]);
    expect(seconds(data)).toEqual([
      [5, 60],
      [65, 95],
    ]);
  });

  it("shades what lies before the first and after the last value", () => {
    expect(seconds(trendData({ resolution_s: 0, points: [at(50, 70)] }, RANGE, 1))).toEqual([
      [0, 50],
      [50, 100],
    ]);
  });

  it("does not shade what nobody can know yet", () => {
    const points = Array.from({ length: 15 }, (_, i) => at(i * 5, 70));
    expect(trendData({ resolution_s: 0, points }, RANGE, 5, START + 80_000).gaps).toEqual([]);
  });

  it("shades everything when there is nothing", () => {
    expect(trendData({ resolution_s: 1, points: [] }, RANGE, 1)).toEqual({ runs: [], gaps: [[START, START + 100_000]] });
  });

  it("shows one value of each time: the one of the best quality", () => {
    const points = [{ ...at(0, 70), quality: 0.5 }, { ...at(0, 140), quality: 0.2 }, { ...at(5, 90), quality: 0.2 }, { ...at(5, 71), quality: 0.9 }];
    expect(values(trendData({ resolution_s: 0, points }, RANGE, 5))).toEqual([[70, 71]]);
  });

  it("does not take the rhythm of the store for holes where each value is given", () => {
    const points = Array.from({ length: 20 }, (_, i) => at(i * 5, 70));
    expect(trendData({ resolution_s: 0, points }, RANGE, 1).runs).toHaveLength(1);
  });

  it("takes absent values for missing", () => {
    expect(trendData({ resolution_s: 5, points: [at(0, null), at(5, 70, "absent")] }, RANGE, 1).runs).toEqual([]);
  });

  it("does not call a measure that is seldom taken a hole", () => {
    const points = [at(0, 36.9), at(60, 37), at(99, 37)];
    expect(trendData({ resolution_s: 1, points }, RANGE, 60).gaps).toEqual([]);
  });

  it("keeps the extremes of a bucket, which stands at its middle", () => {
    const points = [{ ...at(0, 80), min: 60, max: 130, n: 12 }];
    const [[point]] = trendData({ resolution_s: 10, points }, RANGE, 1).runs as [[object]];
    expect(point).toEqual({ atMs: START + 5000, value: 80, low: 60, high: 130, count: 12 });
  });
});

describe("isOutside", () => {
  it("looks at the extremes, not at the mean", () => {
    const point = { atMs: 0, value: 80, low: 60, high: 130, count: 9 };
    expect(isOutside(point, { low: 50, high: 120 })).toBe(true);
    expect(isOutside(point, { low: 61, high: null })).toBe(true);
    expect(isOutside(point, { low: 60, high: 130 })).toBe(false);
    expect(isOutside(point, NO_LIMITS)).toBe(false);
  });
});

describe("trendScale", () => {
  const of = (...numbers: number[]) => trendData({ resolution_s: 0, points: numbers.map((n, i) => at(i, n)) }, RANGE, 1);

  it("shows values and limits with room, and never less than a useful span", () => {
    const [low, high] = trendScale(of(70, 72), { low: 50, high: 120 }, 16);
    expect(low).toBeLessThan(50);
    expect(high).toBeGreaterThan(120);
    expect(trendScale(of(70), NO_LIMITS, 16)).toEqual([62, 78]);
    expect(trendScale(of(), NO_LIMITS, 16)).toEqual([0, 16]);
  });
});

describe("pointAt", () => {
  const data = trendData({ resolution_s: 0, points: [at(0, 70), at(5, 71), at(60, 80)] }, RANGE, 5);

  it("gives the nearest value, and none inside a gap", () => {
    expect(pointAt(data, START + 4000, 5000)?.value).toBe(71);
    expect(pointAt(data, START + 30_000, 5000)).toBeNull();
    expect(pointAt(data, START + 58_000, 5000)?.value).toBe(80);
  });
});
