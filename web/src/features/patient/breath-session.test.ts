import { describe, expect, it } from "vitest";

import type { Blows } from "../../api/types";
import { agreementOf, bestOf, type Blow, breathsOf, type BlowSession, type BlowValue, expectationOf, flowsOf, isBlown, type Standing, verdictOf, zoneOf } from "./breath-session";

function value(measure: string, number: number, part: Partial<BlowValue> = {}): BlowValue {
  return { measure, unit: "L", value: number, predicted: null, lower_limit: null, percent_predicted: null, z_score: null, ...part };
}

function blow(t: string, verdict: Blow["verdict"], values: BlowValue[] = []): Blow {
  return { t, device: "flow-1", method: "flow_blow", source: "computed", quality: 0.9, validity: "valid", age_years: 46, verdict, values };
}

const SESSION: BlowSession = {
  start: "2026-01-02T03:01:00.000000Z",
  end: "2026-01-02T03:04:00.000000Z",
  device: "flow-1",
  method: "flow_blow",
  breaths: 2,
  fev1: { grade: "B", best: value("fev1", 2.4), apart_l: 0.03, acceptable: 2, usable: 2 },
  fvc: { grade: null, best: null, apart_l: null, acceptable: null, usable: null },
  fev1_fvc: null,
};
const STANDING: Standing = {
  measure: "pef",
  unit: "L/min",
  value: 352,
  personal_best: 462,
  personal_best_t: "2025-12-20T12:00:00.000000Z",
  percent: 76.2,
  zone: "yellow",
  days: 3,
  days_needed: 14,
};

describe("breathsOf", () => {
  it("takes those of the session's device, method and time", () => {
    const inside = blow(SESSION.end, null);
    const items = [blow("2026-01-02T04:04:00.000000Z", null), inside, { ...inside, device: "flow-2" }, { ...inside, method: "device" }];
    const reference = { equations: "GLI-2012", sex: "female", birth_date: null, height_cm: null, height_on: null, group: null, personal_best_l_min: null, missing: [] };
    const blows: Blows = { patient: "p-7kd2m", reference, items, sessions: [SESSION], standing: null };
    expect(breathsOf(blows, SESSION)).toEqual([inside]);
  });
});

describe("verdictOf", () => {
  it("says what a breath is worth, and why it is not worth more", () => {
    const volumes = [value("extrapolated_volume", 0.31), value("end_rise", 0.124)];
    const told = (fev1: boolean, fvc: boolean, ...faults: NonNullable<Blow["verdict"]>["faults"]): string => verdictOf(blow(SESSION.end, { fev1, fvc, faults }, volumes));
    expect(told(true, true)).toBe("Acceptable");
    expect(told(true, false, "early_end")).toBe("FEV1 only: ended early, 0.12\u00a0L in the last second");
    expect(told(false, true, "cough")).toBe("FVC only: cough in the first second");
    expect(told(false, false, "slow_start", "cough")).toBe("Not acceptable: slow start, 0.31\u00a0L out at time zero, cough in the first second");
    expect(verdictOf(blow(SESSION.end, null))).toBe("Not judged");
    expect(verdictOf(blow(SESSION.end, { fev1: false, fvc: false, faults: ["slow_start"] }))).toBe("Not acceptable: slow start");
  });
});

describe("expectationOf", () => {
  it("is of the value, and of a ratio its lower limit", () => {
    const known = { predicted: 2.9, lower_limit: 2.1, percent_predicted: 81.6, z_score: -1.43 };
    expect(expectationOf(value("fev1", 2.4, known))).toBe("82\u00a0% of predicted, z\u00a0−1.4");
    expect(expectationOf(value("fev1_fvc", 0.7, { ...known, lower_limit: 0.68, unit: "1" }))).toBe("z\u00a0−1.4, lower limit\u00a00.68");
    expect(expectationOf(value("fev1", 2.4))).toBe("No expected value");
    expect(expectationOf(null)).toBe("");
  });
});

describe("agreementOf", () => {
  it("counts what is acceptable where somebody judged", () => {
    expect(agreementOf(SESSION.fev1)).toBe("2 acceptable, best two 30\u00a0mL apart");
    expect(agreementOf({ ...SESSION.fev1, apart_l: null, acceptable: 1 })).toBe("1 acceptable");
    expect(agreementOf({ ...SESSION.fvc, apart_l: 0.2 })).toBe("Best two 200\u00a0mL apart");
    expect(agreementOf(SESSION.fvc)).toBe("");
  });
});

describe("flowsOf", () => {
  it("are those of the best breath that counts", () => {
    const flows = (fev1: number, flow: number, counts: boolean): Blow =>
      blow(SESSION.end, { fev1: counts, fvc: counts, faults: counts ? [] : ["slow_start"] }, [value("fev1", fev1), value("fvc", 3), value("fef25_75", flow, { unit: "L/s" })]);
    expect(flowsOf([flows(2.1, 2, true), flows(2.4, 3, true), flows(2.9, 4, false)])).toEqual(["FEF25–75 3.0\u00a0L/s"]);
    expect(flowsOf([])).toEqual([]);
  });
});

describe("standing", () => {
  it("names the zone, or what it still takes", () => {
    expect(zoneOf(STANDING)).toBe("Yellow zone");
    expect(zoneOf({ ...STANDING, zone: null })).toBe("Zone after 14 days of breaths: 3 so far");
    expect(bestOf(STANDING)).toBe("76\u00a0% of personal best, 462\u00a0L/min on Sat\u00a020\u00a0Dec");
    expect(bestOf({ ...STANDING, measure: "fev1", unit: "L", personal_best: 2.5 })).toContain("2.50\u00a0L on");
    expect(bestOf({ ...STANDING, personal_best_t: null })).toBe("76\u00a0% of personal best, 462\u00a0L/min as set");
  });

  it("keeps forced breaths off the other numbers", () => {
    expect(["heart_rate", "fev1", "end_rise"].map(isBlown)).toEqual([false, true, true]);
  });
});
