// @vitest-environment jsdom
import { render, screen } from "@testing-library/react";
import { describe, expect, it } from "vitest";

import { barsOf, type Happening, markersOf } from "./trend-markers";
import { TrendMarkers } from "./trend-markers-view";

const T0 = new Date(2026, 10, 21, 10, 0, 0).getTime(); // by the zone of the screen
const RHYTHM: Happening = { id: "r", atMs: T0, endMs: T0 + 90_000, priority: null, technical: false, text: "Bigeminy" };

function show(...all: Happening[]) {
  const x = (atMs: number): number => (atMs - T0) / 1000;
  return render(<TrendMarkers markers={markersOf(all, x)} bars={barsOf(all, T0 + 600_000, x)} onOpen={() => undefined} />);
}

describe("TrendMarkers", () => {
  it("says what lasted, from when until when, and draws it", () => {
    const { container } = show(RHYTHM);
    const button = screen.getByRole("button", { name: "Bigeminy, Sat 21 Nov 10:00, until 10:01:30, 1:30" });
    expect(button.title).toBe("10:00:00 Bigeminy, until 10:01:30, 1:30");
    const bar = container.querySelector<HTMLElement>("i[style]");
    expect([bar?.style.insetInlineStart, bar?.style.inlineSize]).toEqual(["0px", "90px"]);
  });

  it("says that no end was told, and draws until the end of the axis", () => {
    const { container } = show({ ...RHYTHM, endMs: "open" });
    expect(screen.getByRole("button").title).toBe("10:00:00 Bigeminy, end not told yet");
    expect(container.querySelector<HTMLElement>("i[style]")?.style.inlineSize).toBe("600px");
  });

  it("draws nothing for a moment", () => {
    const { container } = show({ ...RHYTHM, endMs: null, text: "Fall" });
    expect(screen.getByRole("button").title).toBe("10:00:00 Fall");
    expect(container.querySelector("i[style]")).toBeNull();
  });
});
