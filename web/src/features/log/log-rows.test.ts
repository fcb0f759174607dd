import { describe, expect, it } from "vitest";

import { type LogEntry, merge } from "../../api/log-queries";
import { beginOf, csvOf, matches, rowOf } from "./log-rows";

const ENTRY: LogEntry = {
  id: "e1",
  t: "2026-11-21T10:00:00.000000Z",
  topic: "measurement",
  kind: "lead_off",
  severity: "low",
  source: "gateway",
  by: null,
  by_name: null,
  outcome: null,
  reason: null,
  patient: "p-7kd2m",
  bed: "04",
  device: "vw-patch-0a41",
  text_key: "lead_off",
  data: { electrode: "RA" },
};
const of = (change: Partial<LogEntry>): LogEntry => ({ ...ENTRY, ...change });
const row = (change: Partial<LogEntry> = {}) => rowOf(of(change), () => 0);
const ALARM = {
  id: "a1",
  patient: "p-7kd2m",
  condition: "spo2_low",
  measure: "spo2",
  kind: "physiological",
  priority: "high",
  state: "active",
  value: 84,
  limit: 88,
  relation: "<",
  since: "2026-11-21T10:00:00Z",
  revision: 1,
};
const alarm = (change: object) => row({ kind: "alarm", topic: "alarm", data: { ...ALARM, ...change } });

describe("a row", () => {
  it("tells what happened", () => {
    expect(row()).toMatchObject({ text: "Lead off: RA", by: "system", mark: null });
  });
  it("tells who did it", () => {
    const entry = { id: "act.vw_api.7", kind: "pause_alarms", topic: "alarm", data: { minutes: 2 }, outcome: "granted", by: "nurse", by_name: "Nurse B" } as const;
    expect(row(entry)).toMatchObject({ text: "Sound paused for 2\u00a0min", by: "Nurse B" });
  });
  it.each([
    [{}, "High alarm started: SpO₂ 84 < 88", false],
    [{ revision: 3 }, "High alarm goes on: SpO₂ 84 < 88", false],
    [{ revision: 3, paused_until: "2026-11-21T10:02:00Z" }, "Sound paused: SpO₂ 84 < 88", true],
    [{ revision: 2, state: "acknowledged" }, "Acknowledged: SpO₂ 84 < 88", true],
    [{ revision: 2, state: "cleared" }, "High alarm, cause ended, not seen yet: SpO₂ 84 < 88", true],
    [{ revision: 4, state: "ended" }, "High alarm ended: SpO₂ 84 < 88", true],
  ])("of an alarm with %o is '%s'", (change, text, outline) => {
    expect(alarm(change)).toMatchObject({ text, mark: { priority: "high", outline } });
  });
  it.each([
    ["", true],
    ["lead 0A41", true],
    ["bed 04", true],
    ["measurement ra", true],
    ["bed 05", false],
  ])("is found by '%s': %s", (typed, found) => {
    expect(matches(row(), typed)).toBe(found);
  });
});

describe("rows", () => {
  it("are joined once each, as they were told last, the newest first", () => {
    const held = [of({ id: "b", t: "2026-11-21T10:00:02.000000Z" }), of({ id: "a", outcome: "sent" })];
    const fresh = [of({ id: "c", t: "2026-11-21T10:00:02.000000Z" }), of({ id: "a", outcome: "done" })];
    expect(merge(held, fresh).map(({ id, outcome }) => [id, outcome])).toEqual([["c", null], ["b", null], ["a", "done"]]);
  });
  it("become a table in which no cell is a formula", () => {
    const lines = csvOf([row({ reason: "=1+1", by: "nurse", by_name: 'Ann "B", RN' })]).split("\r\n");
    expect(lines[0]).toContain("time_utc,time_local,topic");
    expect(lines[1]).toContain("2026-11-21T10:00:00.000000Z");
    expect(lines[1]).toContain(",'=1+1,");
    expect(lines[1]).toContain('"Ann ""B"", RN"');
    expect(lines).toHaveLength(3);
  });
});

describe("a range", () => {
  const now = new Date(2026, 10, 21, 14, 32, 9).getTime();
  it("begins with a day or an hour, so that it stays the same question", () => {
    expect(beginOf("today", now)).toBe(new Date(2026, 10, 21).getTime());
    expect(beginOf("7d", now)).toBe(new Date(2026, 10, 15).getTime());
    expect(beginOf("30d", now)).toBe(new Date(2026, 9, 23).getTime());
    expect(beginOf("8h", now)).toBe(new Date(2026, 10, 21, 7).getTime());
  });
});
