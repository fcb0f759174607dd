import { describe, expect, it } from "vitest";

import type { Blows } from "../../api/types";
import { areBlown, expectationOf } from "./expectation";

type Blow = Blows["items"][number];

function blow(measure: string, percent: number | null, z: number | null): Blow {
  const value = { measure, unit: "L", value: 2.2, predicted: 2.7, lower_limit: 2, percent_predicted: percent, z_score: z };
  return { t: "2026-01-02T03:04:05Z", device: "flow-1", method: "flow_blow", source: "computed", quality: 0.9, validity: "valid", age_years: 46, values: [value] };
}

function blows(...items: Blow[]): Blows {
  const reference = { equations: "GLI-2012", sex: "female", birth_date: "1979-04-02", height_cm: 168, height_on: "2026-01-02", group: "other" as const, missing: [] };
  return { patient: "p-7kd2m", reference, items };
}

describe("expectationOf", () => {
  it("tells the newest breath that has the number", () => {
    const told = expectationOf(blows(blow("pef", null, null), blow("fev1", 81.6, -1.43), blow("fev1", 95, -0.2)), "fev1");
    expect(told).toBe("82\u00a0% of predicted, z −1.4");
  });

  it("is silent where nobody can say", () => {
    expect(expectationOf(blows(blow("fev1", null, null), blow("fev1", 95, -0.2)), "fev1")).toBe("");
    expect(expectationOf(blows(), "fev1")).toBe("");
    expect(expectationOf(undefined, "fev1")).toBe("");
  });

  it("is asked for where somebody has blown", () => {
    expect(areBlown(["heart_rate", "fvc"])).toBe(true);
    expect(areBlown(["heart_rate", "pef"])).toBe(false);
  });
});
