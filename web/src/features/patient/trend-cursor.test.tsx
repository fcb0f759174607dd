// @vitest-environment jsdom
import { fireEvent, render, screen } from "@testing-library/react";
import { describe, expect, it, vi } from "vitest";

import { vitalDisplay } from "../../design/vital-display";
import type { Lane } from "./trend-board";
import { TrendCursor } from "./trend-cursor";

const HOUR = 3_600_000;
const TO = Date.parse("2026-11-21T14:00:00Z");
const RANGE = { fromMs: TO - HOUR, toMs: TO };
const point = (atMs: number, value: number) => ({ atMs, value, low: value - 2, high: value + 3, count: 5 });

const lane = (measure: "heart_rate" | "spo2", value: number): Lane => ({
  measure,
  vital: vitalDisplay(measure),
  unit: measure === "spo2" ? "%" : "bpm",
  decimals: 0,
  limits: { low: null, high: null },
  data: { runs: [[point(TO - 60_000, value), point(TO - 30_000, value), point(TO - 5_000, value)]], gaps: [[RANGE.fromMs, TO - 60_000]] },
  scale: [0, 200],
  failed: false,
  again: () => undefined,
});

function show(onOpen = vi.fn()) {
  render(<TrendCursor lanes={[lane("heart_rate", 92), lane("spo2", 97)]} range={RANGE} width={1000} height={152} laneHeight={76} onOpen={onOpen} />);
  return { cursor: screen.getByRole("slider"), onOpen };
}

describe("TrendCursor", () => {
  it("says the value of every lane at its time, with least and greatest", () => {
    const { cursor } = show();
    fireEvent.keyDown(cursor, { key: "ArrowLeft" });
    expect(cursor.getAttribute("aria-valuetext")).toMatch(/Heart rate 92.bpm, Oxygen saturation 97.%$/);
    expect(cursor.textContent).toContain("90–95");
  });

  it("says that there are no values where there are none", () => {
    const { cursor } = show();
    fireEvent.keyDown(cursor, { key: "Home" });
    expect(cursor.getAttribute("aria-valuetext")).toContain("no values");
    expect(cursor.textContent).toContain("– –");
    expect(cursor.textContent).not.toContain("92");
  });

  it("opens the signal of its time", () => {
    const { cursor, onOpen } = show();
    fireEvent.keyDown(cursor, { key: "ArrowLeft", shiftKey: true });
    fireEvent.keyDown(cursor, { key: "Enter" });
    expect(onOpen).toHaveBeenCalledExactlyOnceWith(TO - (10 * HOUR) / 240);
  });

  it("goes away with Escape, and only then lets it through", () => {
    const { cursor } = show();
    const outside = vi.fn();
    document.addEventListener("keydown", outside);
    fireEvent.keyDown(cursor, { key: "ArrowLeft" });
    outside.mockClear();
    fireEvent.keyDown(cursor, { key: "Escape" });
    expect(outside).not.toHaveBeenCalled();
    expect(cursor.textContent).toBe("");
    fireEvent.keyDown(cursor, { key: "Escape" });
    expect(outside).toHaveBeenCalledOnce();
    document.removeEventListener("keydown", outside);
  });
});
