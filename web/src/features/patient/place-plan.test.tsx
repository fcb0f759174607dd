// @vitest-environment jsdom
import { cleanup, render, screen } from "@testing-library/react";
import { afterEach, describe, expect, it } from "vitest";

import { PlacePlan } from "./place-plan";

const FLOOR = [
  { id: 7, name: "Day room", outline: [[0, 0], [10, 0], [10, 5], [0, 5]] },
  { id: 8, name: "Corridor", outline: [[0, 5], [20, 5], [20, 10], [0, 10]] },
  { id: 9, name: "Attic", outline: null },
];

afterEach(cleanup);

describe("PlacePlan", () => {
  it("names the room and draws only what has an outline, y upwards", () => {
    render(<PlacePlan dot={{ x: 5, y: 2.5, within: 2 }} floor={FLOOR} here={FLOOR[0] ?? null} />);
    const plan = screen.getByRole("img", { name: "Floor plan. The patient is in Day room, within 2.0 metres" });
    expect(plan.querySelectorAll("polygon")).toHaveLength(2);
    expect(plan.querySelector("[data-here] text")?.textContent).toBe("Day room");
    const [dayRoom, corridor] = [...plan.querySelectorAll("text")].map((text) => Number(text.getAttribute("y")));
    expect(dayRoom).toBeGreaterThan(corridor ?? Infinity);
    const circles = [...plan.querySelectorAll("circle")];
    expect(new Set(circles.map((circle) => circle.getAttribute("cx")))).toEqual(new Set([String(10 + 5 * 22.6)]));
    expect(Number(circles[0]?.getAttribute("r"))).toBeCloseTo(2 * 22.6);
  });

  it("says that no room is known when the place is in none", () => {
    render(<PlacePlan dot={{ x: 5, y: 2.5, within: 2 }} floor={FLOOR} here={null} />);
    expect(screen.getByRole("img").getAttribute("aria-label")).toContain("Room not known");
    expect(screen.getByRole("img").querySelector("[data-here]")).toBeNull();
  });
});
