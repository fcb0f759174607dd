import { describe, expect, it } from "vitest";

import { extentOf, gapsOf, piecesOf, stretchesOf } from "./review-data";

const T0 = Date.parse("2026-11-21T10:00:00Z");
const wave = (segments: { start: number; values: (number | null)[][] }[], hz: number | null = 10) => ({
  patient: "p",
  stream: "ecg",
  unit: "mV",
  hz,
  device_hz: 250,
  device: "sim",
  place: "chest",
  channels: ["I", "II"],
  segments: segments.map(({ start, values }) => ({ start: new Date(T0 + start).toISOString(), values, missing: [] })),
});
const VIEW = { fromMs: T0, toMs: T0 + 2000 };

describe("piecesOf", () => {
  it("covers the view on a grid that stays, so that scrolling asks for little", () => {
    const now = T0 + 3_600_000;
    const one = piecesOf({ fromMs: T0 + 1000, toMs: T0 + 12_000 }, now);
    const other = piecesOf({ fromMs: T0 + 2000, toMs: T0 + 13_000 }, now);
    expect(one).toEqual(other);
    expect(one.map(({ fromMs, toMs }) => [fromMs - T0, toMs - T0])).toEqual([
      [0, 8000],
      [8000, 16_000],
    ]);
    expect(one.every(({ asOfMs }) => asOfMs === null)).toBe(true);
  });

  it("asks for what is not whole yet again and again, together, and never for the future", () => {
    const pieces = piecesOf({ fromMs: T0, toMs: T0 + 60_000 }, T0 + 12_000);
    expect(pieces).toEqual([{ fromMs: T0, toMs: T0 + 16_000, asOfMs: T0 }]);
    const later = piecesOf({ fromMs: T0, toMs: T0 + 24_000 }, T0 + 31_000);
    expect(later.map(({ fromMs, asOfMs }) => [fromMs - T0, asOfMs === null ? null : asOfMs - T0])).toEqual([
      [0, null],
      [8000, 30_000],
    ]);
  });
});

describe("stretchesOf", () => {
  it("takes the lead that is preferred", () => {
    const answer = wave([{ start: 0, values: [[1], [2]] }]);
    expect(stretchesOf(answer, ["MLII", "II"])[0]?.values).toEqual([2]);
    expect(stretchesOf(answer, ["aVR"])[0]?.values).toEqual([1]);
    expect(stretchesOf(wave([], null), ["II"])).toEqual([]);
  });
});

describe("gapsOf", () => {
  const gaps = (...segments: { start: number; values: (number | null)[] }[]) =>
    gapsOf(stretchesOf(wave(segments.map(({ start, values }) => ({ start, values: [values, values] }))), ["I"]), VIEW).map((gap) => gap.map((ms) => ms - T0));

  it("finds what is missing before, between and after", () => {
    expect(gaps({ start: 500, values: [1, 1, 1] }, { start: 1500, values: [1, 1] })).toEqual([
      [0, 500],
      [700, 1500],
      [1600, 2000],
    ]);
  });

  it("finds missing samples inside a segment, and only those", () => {
    const whole = Array.from({ length: 21 }, () => 1);
    expect(gaps({ start: 0, values: whole.map((value, i) => (i >= 5 && i < 9 ? null : value)) })).toEqual([[400, 900]]);
    expect(gaps({ start: 0, values: whole })).toEqual([]);
  });

  it("shades all of it when nothing is stored", () => {
    expect(gaps()).toEqual([[0, 2000]]);
  });
});

describe("extentOf", () => {
  it("looks at what is in the view only", () => {
    const stretches = stretchesOf(wave([{ start: -100, values: [[99, 1, 3, 2]] }]), ["I"]);
    expect(extentOf(stretches, VIEW)).toEqual({ low: 1, high: 3, median: 2 });
    expect(extentOf([], VIEW)).toBeNull();
  });
});
