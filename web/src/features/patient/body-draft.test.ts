import { describe, expect, it } from "vitest";

import type { LungReference } from "../../api/types";
import { type BodyDraft, bodyToSave, dayOf, draftOf, problemsOf } from "./body-draft";

const TODAY = "2026-11-22";
const KNOWN: LungReference = {
  equations: "GLI-2012",
  sex: "female",
  birth_date: "1979-04-02",
  height_cm: null,
  height_on: null,
  group: null,
  personal_best_l_min: null,
  missing: ["height"],
};
const FULL: BodyDraft = { ...draftOf(KNOWN, TODAY), height: "168,5", group: "other" };

describe("draftOf", () => {
  it("begins with what is known, and a new height with today", () => {
    expect(draftOf(KNOWN, TODAY)).toEqual({ sex: "female", birthDate: "1979-04-02", height: "", heightOn: TODAY, group: "", best: "" });
    expect(draftOf({ ...KNOWN, height_cm: 168, height_on: "2026-01-02" }, TODAY)).toMatchObject({ height: "168", heightOn: "2026-01-02" });
  });
});

describe("problemsOf", () => {
  it("has nothing against what makes sense", () => {
    expect(problemsOf(FULL, TODAY)).toEqual({});
  });

  it.each([
    [{ height: "" }, { height: "height" }],
    [{ height: "1.68" }, { height: "height" }], // metres
    [{ height: "49.9" }, { height: "height" }],
    [{ height: "250.1" }, { height: "height" }],
    [{ height: "5 ft" }, { height: "height" }],
    [{ heightOn: "2026-11-23" }, { heightOn: "future" }],
    [{ heightOn: "1979-04-01" }, { heightOn: "before_birth" }],
    [{ heightOn: "" }, { heightOn: "missing" }],
    [{ birthDate: "2026-11-23" }, { birthDate: "future", heightOn: "before_birth" }],
    [{ birthDate: "1896-11-21" }, { birthDate: "too_old" }],
    [{ birthDate: "" }, { birthDate: "missing" }],
    [{ best: "8.1" }, { best: "best" }], // litres a second
    [{ best: "1201" }, { best: "best" }],
    [{ best: "high" }, { best: "best" }],
    [{ sex: "", group: "" }, { sex: "missing", group: "missing" }],
  ])("tells at the field: %j", (changed, problems) => {
    expect(problemsOf({ ...FULL, ...changed }, TODAY)).toEqual(problems);
  });

  it.each(["50", "250", "168.5", " 168 "])("takes %s cm", (height) => {
    expect(problemsOf({ ...FULL, height }, TODAY)).toEqual({});
  });
});

describe("bodyToSave", () => {
  it("sends sex and birth date only where they were changed", () => {
    const saved = { height_cm: 168.5, height_on: TODAY, group: "other" };
    expect(bodyToSave(FULL, KNOWN, TODAY)).toEqual(saved);
    expect(bodyToSave({ ...FULL, sex: "male", birthDate: "1979-04-03" }, KNOWN, TODAY)).toEqual({ ...saved, sex: "male", birth_date: "1979-04-03" });
  });

  it("sends the personal best where it was changed, or taken away", () => {
    const saved = { height_cm: 168.5, height_on: TODAY, group: "other" };
    const set = { ...KNOWN, personal_best_l_min: 462 };
    expect(bodyToSave({ ...FULL, best: "462" }, KNOWN, TODAY)).toEqual({ ...saved, personal_best_l_min: 462 });
    expect(bodyToSave({ ...FULL, best: "462" }, set, TODAY)).toEqual(saved);
    expect(bodyToSave({ ...FULL, best: " " }, set, TODAY)).toEqual({ ...saved, personal_best_l_min: null });
  });

  it("sends nothing while something is wrong", () => {
    expect(bodyToSave({ ...FULL, height: "1.68" }, KNOWN, TODAY)).toBeNull();
  });
});

describe("dayOf", () => {
  it("is the day on the wall", () => {
    expect(dayOf(new Date(2026, 0, 2, 23, 59).getTime())).toBe("2026-01-02");
  });
});
