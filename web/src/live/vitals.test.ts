import { describe, expect, it } from "vitest";

import { judge, qualityBars } from "./judgement";
import type { VitalItem } from "./messages";
import { VitalStore } from "./vitals";

const NOW = Date.parse("2026-11-21T10:00:00Z");
const HEART: VitalItem = {
  patient: "p-1",
  device: "d",
  measure: "heart_rate",
  method: "ecg_beat_intervals",
  source: "computed",
  atMs: NOW - 1000,
  value: 72,
  quality: 0.95,
  validity: "valid",
  revision: 0,
  order: 1,
  reason: null,
};
const RULE = { intervalS: 1, staleS: 10 };
const LINKED = { nowMs: NOW, linked: true };

describe("judge", () => {
  it("shows a fresh value", () => {
    expect(judge(HEART, null, RULE, LINKED)).toMatchObject({ state: "fresh", value: 72, bars: 4 });
  });

  it.each([
    [5, "fresh"],
    [5.1, "ageing"],
    [10, "ageing"],
    [10.1, "stale"],
  ])("at %f s it is %s", (age, state) => {
    expect(judge({ ...HEART, atMs: NOW - age * 1000 }, null, RULE, LINKED).state).toBe(state);
  });

  it("shows no number that is stale, off, or without a link, but what was last known", () => {
    const last = { value: 71, atMs: NOW - 20_000 };
    const cases = [
      judge({ ...HEART, atMs: NOW - 11_000 }, last, RULE, LINKED),
      judge({ ...HEART, validity: "stale" }, last, RULE, LINKED),
      judge({ ...HEART, validity: "absent", value: null, reason: "lead_off" }, last, RULE, LINKED),
      judge(HEART, last, RULE, { nowMs: NOW, linked: false }),
      judge(HEART, last, RULE, { nowMs: NaN, linked: true }),
    ];
    expect(cases.map(({ state }) => state)).toEqual(["stale", "stale", "off", "lost", "lost"]);
    for (const { value, last: was } of cases) expect([value, was]).toEqual([null, last]);
    expect(cases[2]?.reason).toBe("lead_off");
  });

  it("marks what is doubtful", () => {
    expect(judge({ ...HEART, validity: "questionable" }, null, RULE, LINKED).state).toBe("unsure");
    expect(judge({ ...HEART, quality: 0.2 }, null, RULE, LINKED).state).toBe("unsure");
  });

  it("is patient with a value that waits for the slowest of its sources, but never with a stale one", () => {
    const fused = { ...HEART, measure: "respiration_rate", method: "respiration_fused" };
    expect(judge({ ...fused, atMs: NOW - 9000 }, null, RULE, LINKED).state).toBe("fresh");
    expect(judge({ ...fused, atMs: NOW - 10_100 }, null, RULE, LINKED).state).toBe("stale");
  });

  it("never gives a negative age to a value from a clock ahead", () => {
    expect(judge({ ...HEART, atMs: NOW + 500 }, null, RULE, LINKED)).toMatchObject({ state: "fresh", ageS: 0 });
  });

  it("gives more bars to more quality", () => {
    expect([0, 0.1, 0.5, 0.7, 0.9].map(qualityBars)).toEqual([0, 1, 2, 3, 4]);
    expect(qualityBars(null)).toBe(0);
  });
});

describe("VitalStore", () => {
  it("keeps the newest, and of one time the highest revision", () => {
    const store = new VitalStore();
    store.receive([HEART, { ...HEART, atMs: NOW - 5000, value: 60 }, { ...HEART, revision: 2, value: 73 }, { ...HEART, revision: 1, value: 99 }]);
    expect(store.shown("p-1", "heart_rate")?.value).toBe(73);
  });

  it("prefers a valid source to a doubtful one, unless it has gone silent", () => {
    const store = new VitalStore();
    const doubtful = { ...HEART, method: "other", value: 140, validity: "questionable" as const, quality: 1 };
    store.receive([HEART, doubtful]);
    expect(store.shown("p-1", "heart_rate")?.value).toBe(72);
    store.receive([{ ...doubtful, atMs: NOW + 6000 }]);
    expect(store.shown("p-1", "heart_rate")?.value).toBe(140);
    expect(store.sources("p-1", "heart_rate")).toHaveLength(2);
  });

  it("remembers the last number through absence", () => {
    const store = new VitalStore();
    store.receive([HEART, { ...HEART, atMs: NOW, value: null, validity: "absent" }]);
    expect(store.shown("p-1", "heart_rate")?.validity).toBe("absent");
    expect(store.lastNumber("p-1", "heart_rate")).toEqual({ value: 72, atMs: NOW - 1000 });
    expect([store.newestMs("p-1"), store.heardMs("p-1"), store.heardMs("p-2")]).toEqual([NOW - 1000, NOW, null]);
  });
});
