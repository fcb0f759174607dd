import { describe, expect, it } from "vitest";

import { type Happening, happenings, markersOf } from "./trend-markers";

const T0 = Date.parse("2026-11-21T10:00:00Z");
const happening = (id: string, x: number, priority: Happening["priority"], technical = false): Happening => ({ id, atMs: x, priority, technical, text: id });
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
    expect(all).toEqual([{ id: "a1", atMs: T0, priority: "high", technical: false, text: "SpO₂ 84 < 88" }]);
  });

  it("has words for what it does not know", () => {
    const [told] = happenings([{ ...event, id: "e", t: "2026-11-21T10:00:00Z", kind: "moon_landing" }], () => 0);
    expect(told).toMatchObject({ text: "Moon landing", priority: null });
  });
});
