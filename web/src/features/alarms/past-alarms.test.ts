import { describe, expect, it } from "vitest";

import type { Alarm } from "../../live/messages";
import { bars, beginOf, filterAlarms, lastedS, merge, outcomeOf, summarise } from "./past-alarms";

const at = (hour: number, minute = 0, second = 0): number => new Date(2026, 10, 21, hour, minute, second).getTime();
const NOW = at(14, 30);

function alarm(id: string, change: Partial<Alarm>): Alarm {
  return {
    id,
    patient: "p",
    ward: "w",
    bed: "04",
    condition: "spo2_low",
    measure: "spo2",
    kind: "physiological",
    priority: "medium",
    state: "ended",
    value: 84,
    limit: 88,
    relation: "<",
    unit: "%",
    since: new Date(at(14)).toISOString(),
    updated: new Date(at(14, 2)).toISOString(),
    acknowledged_by: null,
    acknowledged_at: null,
    paused_until: null,
    method: null,
    derived: false,
    unsure: false,
    text_key: null,
    ...change,
  };
}

const SEEN = { acknowledged_by: "Nurse A", acknowledged_at: new Date(at(14, 0, 38)).toISOString() };

describe("ranges", () => {
  it("begin at whole hours and days of the ward", () => {
    expect(beginOf("8h", NOW)).toBe(at(7));
    expect(beginOf("today", NOW)).toBe(at(0));
    expect(beginOf("7d", NOW)).toBe(new Date(2026, 10, 15).getTime());
  });
  it("have a bar for each hour, or each day", () => {
    expect(bars([], "8h", NOW)).toHaveLength(8);
    expect(bars([], "today", NOW)).toHaveLength(15);
    expect(bars([], "7d", NOW)).toHaveLength(7);
  });
  it("count by the hour of onset", () => {
    const counted = bars([alarm("a", {}), alarm("b", { priority: "high", since: new Date(at(13, 59, 59)).toISOString() })], "today", NOW);
    expect(counted.at(-1)).toMatchObject({ high: 0, medium: 1 });
    expect(counted.at(-2)).toMatchObject({ high: 1, medium: 0 });
  });
});

describe("summary", () => {
  it("tells alarms a bed a day, the median until one was seen, and how many ended alone", () => {
    const found = summarise([alarm("a", {}), alarm("b", SEEN), alarm("c", { state: "active" })], 2, "today", at(12));
    expect(found.perBedDay).toBeCloseTo(3);
    expect(found.medianToSeenS).toBe(38);
    expect(found.endedAlone).toBe(0.5);
  });
  it("tells nothing of nothing", () => {
    expect(summarise([], 0, "8h", NOW)).toEqual({ perBedDay: null, medianToSeenS: null, endedAlone: null });
  });
});

describe("outcome", () => {
  it.each([
    ["active", alarm("a", { state: "active" }), { kind: "active" }],
    ["seen and standing", alarm("a", { ...SEEN, state: "acknowledged" }), { kind: "standing", by: "Nurse A" }],
    ["latched", alarm("a", { state: "cleared" }), { kind: "latched" }],
    ["ended by itself", alarm("b", {}), { kind: "ended" }],
    ["seen and ended", alarm("b", SEEN), { kind: "seen", by: "Nurse A", afterS: 38 }],
    ["gone since", alarm("gone", { state: "active" }), { kind: "just-ended" }],
  ] as const)("%s", (_, given, outcome) => {
    expect(outcomeOf(given, new Set(["a"]))).toEqual(outcome);
  });
  it("is that of the answer while what stands is not known", () => {
    expect(outcomeOf(alarm("gone", { state: "active" }), null).kind).toBe("active");
  });
  it("lasts until it ended, or until now", () => {
    expect(lastedS(alarm("a", {}), NOW)).toBe(120);
    expect(lastedS(alarm("a", { state: "active" }), NOW)).toBe(1800);
  });
});

describe("merge", () => {
  it("takes the newer word on each alarm, and new alarms of the range", () => {
    const past = [alarm("a", { state: "active" }), alarm("b", {})];
    const live = [
      alarm("a", { state: "acknowledged", updated: new Date(at(14, 3)).toISOString() }),
      alarm("b", { state: "active", updated: new Date(at(13)).toISOString() }),
      alarm("c", { since: new Date(at(14, 20)).toISOString() }),
      alarm("old", { since: new Date(at(3)).toISOString() }),
    ];
    const merged = merge(past, live, at(7));
    expect(merged.map(({ id, state }) => `${id} ${state}`)).toEqual(["c ended", "a acknowledged", "b ended"]);
  });
});

describe("filter", () => {
  const name = (): string => "SpO₂ low";
  const all = [alarm("a", SEEN), alarm("b", { bed: "11", priority: "high" })];
  it.each([
    ["all", "", ["a", "b"]],
    ["high", "", ["b"]],
    ["all", "bed 11", ["b"]],
    ["all", "low nurse", ["a"]],
    ["all", "asystole", []],
  ] as const)("%s and '%s'", (priority, text, expected) => {
    expect(filterAlarms(all, { priority, text }, name).map(({ id }) => id)).toEqual(expected);
  });
});
