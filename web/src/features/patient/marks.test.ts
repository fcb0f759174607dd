import { describe, expect, it } from "vitest";

import type { Beat } from "../../api/types";
import { countsOf, marksOf, placedMarks } from "./marks";

const T0 = Date.parse("2026-11-21T10:00:00Z");

function beat(ms: number, change: Partial<Beat> = {}): Beat {
  return { t: new Date(T0 + ms).toISOString(), device: "d1", kind: "r_peak", class: "N", rr_ms: 800, quality: 1, ...change };
}

describe("marksOf", () => {
  it("gives each R peak its letter, and a dot where nobody judged", () => {
    const marks = marksOf([beat(0, { rr_ms: null }), beat(800, { class: "V" }), beat(1600, { class: "unclassified" }), beat(1650, { kind: "pulse_foot" })], new Set());
    expect(marks.map(({ atMs, letter, rrMs }) => [atMs - T0, letter, rrMs])).toEqual([
      [0, "N", null],
      [800, "V", 800],
      [1600, "•", 800],
    ]);
    expect([...countsOf(marks)]).toEqual([["N", 1], ["V", 1], ["•", 1]]);
  });

  it("leaves out the beats that another device saw", () => {
    expect(marksOf([beat(0), beat(30, { device: "d2" })], new Set(["d1"]))).toHaveLength(1);
    expect(marksOf([beat(0), beat(30, { device: "d2" })], new Set())).toHaveLength(2);
  });
});

describe("placedMarks", () => {
  const sweep = { hz: 250, pen: (T0 / 1000) * 250, width: 1000, pxPerS: 100 }; // ten seconds, T0 a multiple of them

  it("stands over its beat, on either side of the pen", () => {
    const placed = placedMarks(marksOf([beat(-9000), beat(-2000), beat(0)], new Set()), sweep);
    expect(placed.map(({ x }) => Math.round(x))).toEqual([100, 800, 0]);
  });

  it("is gone with the sweep before, and not there before its time", () => {
    expect(placedMarks(marksOf([beat(-10_100), beat(-9_950), beat(10)], new Set()), sweep)).toEqual([]);
  });
});
