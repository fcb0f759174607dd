import { describe, expect, it } from "vitest";

import cases from "../../../tests/contract/vectors/preference/cases.json";

import type { Validity, VitalItem } from "./messages";
import { lateS, preferred } from "./preference";

const NOW = Date.parse("2026-11-21T10:00:00Z");

function item(measure: string, word: (typeof cases)[number]["words"][number]): VitalItem {
  return {
    patient: "p-1",
    device: "d",
    measure,
    source: "computed",
    value: 15,
    quality: 0.9,
    revision: 0,
    reason: null,
    method: word.method,
    order: word.order,
    atMs: NOW + word.at_s * 1000,
    validity: word.validity as Validity,
  };
}

describe("the source that is shown", () => {
  it("is the one that alarms judge and history shows, in every case that was written down", () => {
    const wrong = cases.filter(({ measure, words, chosen }) => {
      const items = words.map((word) => item(measure, word));
      return preferred(items) !== items[chosen] || preferred([...items].reverse()) !== items[chosen];
    });
    expect(wrong).toEqual([]);
    expect(cases.length).toBeGreaterThan(100);
  });

  it("is none where nobody has spoken", () => {
    expect(preferred([])).toBeNull();
  });

  it("has no number where its newest word is none", () => {
    const word = { method: "impedance_spectrum", order: 1, at_s: 0, validity: "valid" };
    const silent = { ...item("respiration_rate", { ...word, method: "respiration_fused" }), value: null };
    const single = item("respiration_rate", word);
    expect(preferred([silent, single])).toBe(single);
  });

  it("is not old for being told as late as breath is by habit", () => {
    const word = { method: "ecg_respiration", order: 0, at_s: 0, validity: "valid" };
    expect(lateS(item("respiration_rate", word))).toBe(5);
    expect(lateS(item("heart_rate", word))).toBe(0);
  });
});
