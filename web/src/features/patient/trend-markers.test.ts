import { describe, expect, it } from "vitest";

import { barsOf, endText, type Happening, happenings, markersOf } from "./trend-markers";

const T0 = Date.parse("2026-11-21T10:00:00Z");
const happening = (id: string, x: number, priority: Happening["priority"], technical = false): Happening => ({ id, atMs: x, endMs: null, priority, technical, text: id });
const place = (atMs: number) => atMs;

describe("markersOf", () => {
  it("lets none stand nearer than 24 px, and the worst lead", () => {
    const markers = markersOf([happening("low", 100, "low"), happening("high", 110, "high"), happening("event", 120, null), happening("far", 140, "medium")], place);
    expect(markers.map(({ lead }) => lead.id)).toEqual(["high", "far"]);
    expect(markers[0]?.all.map(({ id }) => id)).toEqual(["event", "high", "low"]);
    const xs = markers.map(({ x }) => x);
    expect(Math.min(...xs.slice(1).map((x, i) => x - (xs[i] ?? 0)))).toBeGreaterThanOrEqual(24);
  });

  it("puts what concerns the patient before what concerns the device", () => {
    expect(markersOf([happening("plug", 100, "medium", true), happening("heart", 101, "medium")], place)[0]?.lead.id).toBe("heart");
  });

  it("loses nothing, however dense", () => {
    const many = Array.from({ length: 200 }, (_, i) => happening(String(i), i * 3, i % 7 === 0 ? "high" : null));
    expect(markersOf(many, place).reduce((sum, { all }) => sum + all.length, 0)).toBe(200);
  });
});

describe("happenings", () => {
  const event = { patient: "p", device: null, source: "gateway", severity: "info", text_key: "", data: {} };
  const alarm = (t: string) => ({
    ...event,
    id: `event-${t}`,
    t,
    kind: "alarm",
    data: { id: "a1", patient: "p", since: "2026-11-21T10:00:00Z", state: "active", priority: "high", kind: "physiological", condition: "spo2_low", measure: "spo2", value: 84, limit: 88, relation: "<" },
  });

  it("tells an alarm once, at its onset, however often it changed", () => {
    const all = happenings([alarm("2026-11-21T10:00:00Z"), alarm("2026-11-21T10:01:00Z")], () => 0);
    expect(all).toEqual([{ id: "a1", atMs: T0, endMs: null, priority: "high", technical: false, text: "SpO₂ 84 < 88" }]);
  });

  it("tells a finding once, with its beginning and its end", () => {
    const rhythm = (id: string, t: string, has_ended: boolean) => ({ ...event, id, t, kind: "rhythm", data: { name: "bigeminy", has_ended } });
    const all = happenings([rhythm("b", "2026-11-21T10:01:30Z", true), rhythm("a", "2026-11-21T10:00:00Z", false)], () => 0);
    expect(all).toEqual([{ id: "a", atMs: T0, endMs: T0 + 90_000, priority: null, technical: false, text: "Bigeminy" }]);
    expect(all.map(endText)[0]).toMatch(/^until \d\d:01:30, 1:30$/);
  });

  it("has words for what it does not know", () => {
    const [told] = happenings([{ ...event, id: "e", t: "2026-11-21T10:00:00Z", kind: "moon_landing" }], () => 0);
    expect(told).toMatchObject({ text: "Moon landing", priority: null });
  });
});

describe("barsOf", () => {
  it("draws what lasted, at least 3 px, and what has not ended until the end of the axis", () => {
    const lasting = (id: string, atMs: number, endMs: Happening["endMs"]): Happening => ({ ...happening(id, atMs, null), endMs });
    const bars = barsOf([lasting("a", 10, 60), lasting("b", 20, 21), lasting("c", 80, "open"), lasting("d", 90, 200), happening("e", 5, "high")], 100, place);
    expect(bars).toEqual([
      { id: "a", left: 10, width: 50 },
      { id: "b", left: 20, width: 3 },
      { id: "c", left: 80, width: 20 },
      { id: "d", left: 90, width: 10 },
    ]);
  });
});
