import { describe, expect, it } from "vitest";

import { alarmMessage, alarmName, shortMessage } from "./alarm-text";
import { formatQuantity, formatValue } from "./numbers";
import { ageInYears, formatAge, formatDuration, formatZone } from "./times";

describe("formatValue", () => {
  it.each([
    [97.4, 0, "97"],
    [36.96, 1, "37.0"],
    [-0.04, 1, "0.0"],
    [-1.25, 2, "−1.25"],
    [123456, 0, "123\u2009456"],
    [1234, 0, "1234"],
    [null, 0, "– –"],
    [NaN, 1, "– –"],
    [Infinity, 1, "– –"],
  ])("%s with %i decimals is %s", (value, decimals, text) => {
    expect(formatValue(value, decimals)).toBe(text);
  });

  it("does not let number and unit part", () => {
    expect(formatQuantity(84, 0, "%")).toBe("84\u00a0%");
  });
});

describe("times", () => {
  it.each([
    [0, "0:00"],
    [42.9, "0:42"],
    [1860, "31:00"],
    [21_900, "6 h 05"],
    [-3, "0:00"],
  ])("%d seconds last %s", (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });

  it("gives ages in the unit that fits", () => {
    expect([12, 240, 10_800].map(formatAge)).toEqual(["12\u00a0s", "4\u00a0min", "3\u00a0h"]);
  });

  it("names the zone", () => {
    expect(formatZone(Date.UTC(2026, 0, 1))).toMatch(/^UTC([+−]\d+(:\d\d)?)?$/);
  });

  it("counts whole years", () => {
    const now = new Date(2026, 10, 21).getTime();
    expect(ageInYears("1955-11-21", now)).toBe(71);
    expect(ageInYears("1955-11-22", now)).toBe(70);
    expect(ageInYears(1955, now)).toBe(71);
    expect(ageInYears(null, now)).toBeNull();
    expect(ageInYears("1955-11-22", NaN)).toBeNull();
  });
});

describe("alarm texts", () => {
  const low = { condition: "spo2_low", measure: "spo2", value: 84, limit: 88, relation: "<" };
  it("say parameter, value, relation and limit", () => {
    expect(alarmMessage(low, 0)).toBe("SpO₂ 84 < 88");
    const breath = { condition: "respiration_rate_high", measure: "respiration_rate", value: 36, limit: 30, relation: ">", method: "ecg_respiration" };
    expect(alarmMessage({ ...breath, derived: false }, 0)).toBe("RR 36 > 30");
    expect(alarmMessage({ ...breath, derived: true }, 0)).toBe("RR 36 > 30, derived from ECG");
    expect(shortMessage({ ...breath, derived: true }, 0)).toBe("RR 36 > 30");
    expect(alarmName(low)).toBe("SpO₂ low");
  });
  it("name the condition where there is no limit", () => {
    expect(alarmMessage({ ...low, condition: "lead_off", measure: null, value: null, limit: null, relation: null }, 0)).toBe("Lead off");
  });
  it("have words for a condition that is new to them", () => {
    expect(alarmName({ ...low, condition: "st_elevation" })).toBe("St elevation");
  });
});
