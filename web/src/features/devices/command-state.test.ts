import { describe, expect, it } from "vitest";

import type { Command, ModelValue } from "../../api/command-queries";
import { newsOf, readValue } from "./command-state";

const NOW = Date.parse("2026-11-21T10:00:20Z");
const COMMAND: Command = {
  id: "c",
  device: "d",
  name: "identify",
  args: {},
  state: "sent",
  detail: null,
  requested_by: "nurse",
  requested_at: "2026-11-21T10:00:14Z",
  expires: "2026-11-21T10:01:14Z",
  sent_at: "2026-11-21T10:00:15Z",
  finished_at: null,
};
const of = (change: Partial<Command>): Command => ({ ...COMMAND, ...change });

describe("a command", () => {
  it.each([
    [{ state: "queued", sent_at: null }, "wait", "queued", 6],
    [{ state: "waiting", sent_at: null }, "wait", "waiting", 6],
    [{}, "wait", "sent", 5],
    [{ sent_at: "2026-11-21T10:00:09Z" }, "late", "late", 11],
    [{ state: "done", finished_at: "2026-11-21T10:00:15.250Z" }, "done", "done", 0.25],
    [{ state: "refused", finished_at: "2026-11-21T10:00:17Z" }, "failed", "refused", 2],
    [{ state: "expired", sent_at: null, finished_at: "2026-11-21T10:01:14Z" }, "failed", "expired", 60],
    [{ state: "unknown" }, "failed", "unknown", null],
  ] as const)("%o is %s", (change, look, kind, seconds) => {
    expect(newsOf(of(change), NOW)).toMatchObject({ look, kind, seconds });
  });
  it("brings what the device said", () => {
    expect(newsOf(of({ state: "refused", detail: "battery under 70 %" }), NOW).detail).toBe("battery under 70 %");
  });
});

const VALUE: ModelValue = { name: "n", label: "n", kind: "integer", unit: "s", required: false, low: 1, high: 60, most: null, choices: [] };

describe("a value", () => {
  it.each([
    [{}, "5", 5],
    [{}, " ", null],
    [{}, "5.5", undefined],
    [{}, "61", undefined],
    [{}, "five", undefined],
    [{ kind: "number" }, "5,5", 5.5],
    [{ kind: "boolean" }, "true", true],
    [{ kind: "text", most: 3 }, "abcd", undefined],
    [{ kind: "text", most: 3 }, "abc", "abc"],
  ] as const)("of %o typed as '%s' is %s", (change, typed, expected) => {
    expect(readValue({ ...VALUE, ...change }, typed)).toBe(expected);
  });
});
