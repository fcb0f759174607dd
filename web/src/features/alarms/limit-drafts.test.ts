import { describe, expect, it } from "vitest";

import { isLeaving, type PatientLimit } from "../../api/alarm-queries";
import { type Draft, draftOf, isChanged, isLess, limitsToSave, problemOfDraft } from "./limit-drafts";

const SPO2: PatientLimit = {
  measure: "spo2",
  low: 90,
  high: null,
  unit: "%",
  source: "ward",
  enabled: true,
  delay_s: 10,
  reason: null,
  version: 0,
  changed_by: null,
  changed_at: null,
};
const RATE: PatientLimit = { ...SPO2, measure: "heart_rate", low: 50, high: 120, source: "patient", delay_s: 4, reason: "athlete", version: 2 };
const RANGE = { low: 0, high: 100 };

const spo2 = (change: Partial<Draft>): Draft => ({ ...draftOf(SPO2), ...change });

describe("a draft", () => {
  it("begins as what holds", () => {
    expect(isChanged(SPO2, draftOf(SPO2))).toBe(false);
    expect(problemOfDraft(SPO2, draftOf(SPO2), RANGE)).toBeNull();
  });

  it.each([
    [{ low: 88 }, true],
    [{ low: null }, true],
    [{ enabled: false }, true],
    [{ low: 92 }, false],
    [{ high: 99 }, false],
  ])("%o makes less alarm: %s", (change, less) => {
    expect(isLess(SPO2, spo2(change))).toBe(less);
    expect(problemOfDraft(SPO2, spo2(change), RANGE)).toBe(less ? "reason" : null);
    expect(problemOfDraft(SPO2, spo2({ ...change, reason: "COPD" }), RANGE)).toBeNull();
  });

  it("wants no reason for what was off, nor for the way back to the default", () => {
    const off = { ...SPO2, enabled: false };
    expect(isLess(off, { ...draftOf(off), low: 80 })).toBe(false);
    expect(problemOfDraft(RATE, { ...draftOf(RATE), low: null, toDefault: true }, RANGE)).toBeNull();
  });

  it.each([
    [{ low: 101 }, "outside"],
    [{ high: -1 }, "outside"],
    [{ low: 95, high: 95 }, "crossed"],
  ] as const)("%o cannot be saved: %s", (change, problem) => {
    expect(problemOfDraft(SPO2, spo2(change), RANGE)).toBe(problem);
  });
});

describe("a limit that was taken back while the alarm rules still use it", () => {
  const LEAVING = { ...RATE, version: 0, reason: null };

  it("is not taken for the patient's own again", () => {
    expect(limitsToSave([LEAVING, SPO2], new Map())).toEqual([]);
    expect(isChanged(LEAVING, { ...draftOf(LEAVING), toDefault: true })).toBe(false);
  });

  it("is read again until another one holds", () => {
    expect(isLeaving(LEAVING)).toBe(true);
    expect([RATE, SPO2].some(isLeaving)).toBe(false);
  });
});

describe("what is saved", () => {
  it("keeps the patient's own limits and adds what was changed, not what holds by default", () => {
    expect(limitsToSave([SPO2, RATE], new Map())).toEqual([
      { measure: "heart_rate", low: 50, high: 120, enabled: true, delay_s: 4, reason: "athlete" },
    ]);
    expect(limitsToSave([SPO2], new Map([["spo2", spo2({ low: 88, reason: " COPD " })]]))).toEqual([
      { measure: "spo2", low: 88, high: null, enabled: true, delay_s: null, reason: "COPD" },
    ]);
  });

  it("leaves out what goes back to the default", () => {
    expect(limitsToSave([RATE], new Map([["heart_rate", { ...draftOf(RATE), toDefault: true }]]))).toEqual([]);
    expect(isChanged(SPO2, spo2({ toDefault: true }))).toBe(false);
  });
});
