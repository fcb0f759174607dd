// @vitest-environment jsdom
import { render, within } from "@testing-library/react";
import { describe, expect, it } from "vitest";

import { Measure, type Reading, spokenValue, type ValueState } from "./measure";
import { vitalDisplay } from "./vital-display";

const SPO2: Reading = {
  vital: vitalDisplay("spo2"),
  decimals: 0,
  unit: "%",
  state: "fresh",
  value: 97.3,
  ageS: 1,
  last: { value: 97.3, atMs: 0 },
  reason: null,
  limits: { low: 90, high: null },
  alarm: null,
};

function show(change: Partial<Reading>, look: "cell" | "card" = "cell"): HTMLElement {
  const { container } = render(<Measure reading={{ ...SPO2, ...change }} look={look} testId="m" />);
  return within(container).getByTestId("m");
}

const value = (element: HTMLElement): string => element.querySelector("[data-value]")?.textContent ?? "";

describe("Measure", () => {
  it("shows a number with its name, unit and limits", () => {
    expect(show({}).textContent).toBe("SpO₂≥ 9097 %");
    expect(show({}, "card").textContent).toContain("%");
  });

  it.each<[ValueState, string]>([
    ["stale", "was 97"],
    ["lost", "was 97"],
  ])("shows dashes and what was when it is %s", (state, note) => {
    const element = show({ state, value: null });
    expect(value(element)).toBe("– – %");
    expect(element.textContent).toContain(note);
  });

  it("says why there is no number", () => {
    expect(show({ state: "off", value: null, reason: "lead_off" }).textContent).toContain("lead off");
    expect(show({ state: "off", value: null, reason: "never heard of" }, "card").textContent).toContain("no value");
  });

  it("tells the age of what is ageing", () => {
    expect(show({ state: "ageing", ageS: 7 }).textContent).toContain("7\u00a0s old");
  });

  it("marks what is doubtful with a sign and a word", () => {
    const element = show({ state: "unsure" });
    expect(value(element)).toContain("?");
    expect(element.textContent).toContain("low quality");
  });

  it("carries priority and loudness of its alarm", () => {
    const element = show({ alarm: { priority: "high", loudness: "silenced", relation: "<" } });
    expect(element.dataset).toMatchObject({ priority: "high", loudness: "silenced" });
  });

  it.each([
    ["presence", 0, "Nobody seen"],
    ["presence", 1, "Somebody"],
    ["breathing_seen", 1, "Yes"],
    ["fast_breathing", 0, "No"],
    ["pulse_seen", 0, "No"],
    ["posture", 4, "On the back"],
    ["posture", 9, "9"],
    ["doing", 4, "Walking"],
    ["effort", 3, "Moderate"],
  ])("%s %d reads '%s'", (measure, number, word) => {
    const reading = { vital: vitalDisplay(measure), unit: "", value: number, limits: null };
    expect(value(show(reading, "card"))).toBe(word);
    expect(spokenValue({ ...SPO2, ...reading })).toBe(`${vitalDisplay(measure).name} ${word}`);
    if (word !== "9") expect(show({ ...reading, state: "stale", value: null, last: { value: number, atMs: 0 } }, "card").textContent).toContain(`was ${word} at`);
  });

  it("has no number where nothing was seen, whatever its words", () => {
    expect(value(show({ vital: vitalDisplay("presence"), state: "off", value: null }, "card"))).toBe("– –");
  });

  it("is spoken with its full name", () => {
    expect(spokenValue(SPO2)).toBe("Oxygen saturation 97");
    expect(spokenValue({ ...SPO2, state: "stale", value: null })).toBe("Oxygen saturation no value");
  });
});
