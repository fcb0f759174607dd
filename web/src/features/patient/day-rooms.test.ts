import { describe, expect, it } from "vitest";

import { dayStart, shareOf } from "./day-rooms";

describe("dayStart", () => {
  it("is midnight on the wall", () => {
    expect(dayStart(new Date(2026, 10, 22, 14, 5, 6).getTime())).toBe(new Date(2026, 10, 22).getTime());
    expect(dayStart(new Date(2026, 10, 22).getTime())).toBe(new Date(2026, 10, 22).getTime());
  });
});

describe("shareOf", () => {
  it("is measured by the longest", () => {
    const rooms = [{ seconds: 600 }, { seconds: 150 }];
    expect(rooms.map(({ seconds }) => shareOf(seconds, rooms))).toEqual([1, 0.25]);
    expect(shareOf(0, [{ seconds: 0 }])).toBe(0);
  });
});
