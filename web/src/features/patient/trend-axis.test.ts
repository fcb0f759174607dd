import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { timeTicks, zoneText } from "./trend-axis";

const HOUR = 3_600_000;

beforeEach(() => {
  vi.stubEnv("TZ", "Europe/Berlin");
});
afterEach(() => {
  vi.unstubAllEnvs();
});

describe("timeTicks", () => {
  it("stand at round times of the ward", () => {
    const toMs = Date.parse("2026-03-12T13:32:30Z");
    const ticks = timeTicks({ fromMs: toMs - 6 * HOUR, toMs }, 8);
    expect(ticks.map(({ text }) => text)).toEqual(["09:00", "10:00", "11:00", "12:00", "13:00", "14:00"]);
    expect(ticks.every(({ shifted }) => !shifted)).toBe(true);
  });

  it("name the day at midnight", () => {
    const toMs = Date.parse("2026-03-12T13:00:00Z");
    const texts = timeTicks({ fromMs: toMs - 168 * HOUR, toMs }, 8).map(({ text }) => text);
    expect(texts).toEqual(["Fri 6 Mar", "Sat 7 Mar", "Sun 8 Mar", "Mon 9 Mar", "Tue 10 Mar", "Wed 11 Mar", "Thu 12 Mar"]);
  });

  it("mark the change of the clocks once, and midnight stays midnight", () => {
    const toMs = Date.parse("2026-03-30T12:00:00Z");
    const range = { fromMs: toMs - 72 * HOUR, toMs };
    const ticks = timeTicks(range, 8);
    expect(ticks.filter(({ shifted }) => shifted)).toHaveLength(1);
    expect(ticks.map(({ text }) => text)).toContain("Mon 30 Mar");
    expect(zoneText(range)).toBe("UTC+1, UTC+2");
  });

  it("are no more than there is room for", () => {
    const toMs = Date.parse("2026-03-12T13:32:30Z");
    for (const hours of [1, 6, 24, 168]) {
      expect(timeTicks({ fromMs: toMs - hours * HOUR, toMs }, 5).length).toBeLessThanOrEqual(14);
    }
  });
});
