import { describe, expect, it } from "vitest";

import { AlarmStore, category, countAlarms, loudness, urgency } from "./alarms";
import { Announcer } from "./announcer";
import type { Alarm } from "./messages";

const NOW = Date.parse("2026-11-21T10:00:00Z");

export function alarm(change: Partial<Alarm> & { readonly id: string }): Alarm {
  return {
    patient: "p-1",
    ward: "w",
    bed: "04",
    condition: "spo2_low",
    measure: "spo2",
    kind: "physiological",
    priority: "medium",
    state: "active",
    value: 84,
    limit: 88,
    relation: "<",
    unit: "%",
    since: "2026-11-21T09:59:00.000000Z",
    updated: "2026-11-21T09:59:00.000000Z",
    acknowledged_by: null,
    acknowledged_at: null,
    paused_until: null,
    method: null,
    derived: false,
    unsure: false,
    text_key: null,
    ...change,
  };
}

describe("AlarmStore", () => {
  it("does not claim to know before it was loaded, nor after the link was lost", () => {
    const store = new AlarmStore();
    store.receive(alarm({ id: "a" }));
    expect(store.known).toBe(false);
    store.load("w", []);
    expect(store.known).toBe(true);
    expect(store.all()).toEqual([]);
    store.forget();
    expect(store.known).toBe(false);
  });

  it("keeps newer live news over an older answer", () => {
    const store = new AlarmStore();
    store.receive(alarm({ id: "a", state: "acknowledged", updated: "2026-11-21T09:59:30.000000Z" }));
    store.load("w", [alarm({ id: "a" })]);
    expect(store.all()[0]?.state).toBe("acknowledged");
  });

  it("drops what has ended, and leaves other wards alone", () => {
    const store = new AlarmStore();
    store.load("other", [alarm({ id: "o", ward: "other" })]);
    store.load("w", [alarm({ id: "a" }), alarm({ id: "b" })]);
    store.receive(alarm({ id: "a", state: "ended", updated: "2026-11-21T09:59:59.000000Z" }));
    expect(store.all().map(({ id }) => id).sort()).toEqual(["b", "o"]);
  });

  it("puts active before seen, high before low, the patient before the equipment, the newest first", () => {
    const store = new AlarmStore();
    store.load("w", [
      alarm({ id: "low", priority: "low" }),
      alarm({ id: "seen", priority: "high", state: "acknowledged" }),
      alarm({ id: "technical", kind: "technical" }),
      alarm({ id: "older", since: "2026-11-21T09:00:00Z" }),
      alarm({ id: "newer" }),
      alarm({ id: "high", priority: "high" }),
    ]);
    expect(store.ofPatient("p-1").map(({ id }) => id)).toEqual(["high", "newer", "older", "technical", "low", "seen"]);
  });
});

describe("loudness", () => {
  it("is paused until the server's time, and calls again after it", () => {
    const paused = alarm({ id: "a", paused_until: "2026-11-21T10:01:00Z" });
    expect(loudness(paused, NOW)).toBe("silenced");
    expect(loudness(paused, NOW + 60_000)).toBe("active");
    expect(loudness(alarm({ id: "a", state: "acknowledged" }), NOW)).toBe("acknowledged");
    expect(loudness(alarm({ id: "a", state: "cleared" }), NOW)).toBe("active");
  });

  it("counts each alarm once, under what it calls for", () => {
    const alarms = [
      alarm({ id: "1", priority: "high" }),
      alarm({ id: "2" }),
      alarm({ id: "3", kind: "technical", priority: "high" }),
      alarm({ id: "4", state: "acknowledged" }),
      alarm({ id: "5", paused_until: "2026-11-21T10:01:00Z" }),
    ];
    expect(countAlarms(alarms, NOW)).toEqual({ high: 1, medium: 1, low: 0, technical: 1, quiet: 2 });
    expect(alarms.map((each) => category(each, NOW))).toEqual(["high", "medium", "technical", "quiet", "quiet"]);
  });

  it("ranks a calling low alarm over a seen high one", () => {
    expect(urgency(alarm({ id: "a", priority: "low" }), NOW)).toBeLessThan(urgency(alarm({ id: "b", priority: "high", state: "acknowledged" }), NOW));
    expect(urgency(null, NOW)).toBeGreaterThan(urgency(alarm({ id: "b", priority: "low", state: "acknowledged" }), NOW));
  });
});

describe("Announcer", () => {
  it("tells each alarm once, again when it worsens, and no faster than every three seconds", () => {
    const announcer = new Announcer();
    const first = alarm({ id: "a" });
    const second = alarm({ id: "b" });
    expect(announcer.next([first, second], 0)?.id).toBe("a");
    expect(announcer.next([first, second], 1000)).toBeNull();
    expect(announcer.next([first, second], 3000)?.id).toBe("b");
    expect(announcer.next([first, second], 9000)).toBeNull();
    expect(announcer.next([alarm({ id: "a", priority: "high" }), second], 12_000)?.id).toBe("a");
  });

  it("tells an alarm anew that had ended in between", () => {
    const announcer = new Announcer();
    announcer.next([alarm({ id: "a" })], 0);
    announcer.next([], 4000);
    expect(announcer.next([alarm({ id: "a" })], 8000)?.id).toBe("a");
  });
});
