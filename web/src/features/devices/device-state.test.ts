import { describe, expect, it } from "vitest";

import type { Device } from "../../api/device-queries";
import { fits, matches, needsAttention, radioBars, stateOf, underHubs } from "./device-state";

const DEVICE = {
  device: "vw-patch-0a41",
  model: "bedside-monitor",
  simulated: true,
  online: true,
  last_seen: "2026-11-21T10:00:00Z",
  battery_percent: 62,
  rssi_dbm: -58,
  buffered: 0,
  firmware: "1.8.2",
  patient: "p-7kd2m",
  has_credential: true,
  retired: false,
  note: null,
  hub: null,
} as Device;
const of = (change: Partial<Device>): Device => ({ ...DEVICE, ...change });

describe("state", () => {
  it.each([
    [{}, "online"],
    [{ rssi_dbm: -88 }, "weak"],
    [{ battery_percent: 8, rssi_dbm: -88 }, "battery"],
    [{ online: false }, "offline"],
    [{ online: false, last_seen: null }, "never"],
    [{ has_credential: false, online: false }, "cut"],
    [{ has_credential: false, hub: "hub-1" }, "online"],
    [{ has_credential: false, hub: "hub-1", online: false }, "offline"],
    [{ retired: true }, "retired"],
    [{ battery_percent: null, rssi_dbm: null }, "online"],
  ] as const)("of %o is %s", (change, state) => {
    expect(stateOf(of(change))).toBe(state);
  });
  it("wants attention for what was there and is not well", () => {
    expect(needsAttention(of({ online: false }))).toBe(true);
    expect(needsAttention(of({ online: false, last_seen: null }))).toBe(false);
    expect(needsAttention(DEVICE)).toBe(false);
  });
});

describe("radio", () => {
  it.each([
    [-95, 1],
    [-81, 1],
    [-80, 2],
    [-60, 4],
    [-40, 4],
  ])("of %i dBm has %i bars", (dbm, bars) => {
    expect(radioBars(dbm)).toBe(bars);
  });
});

describe("what is looked for", () => {
  const known = (change: Partial<Device>, bed: string | null = "04") => ({ device: of(change), bed });
  it("by filter", () => {
    expect(fits(known({}), "all")).toBe(true);
    expect(fits(known({ patient: null }), "unassigned")).toBe(true);
    expect(fits(known({ patient: null, retired: true }), "unassigned")).toBe(false);
    expect(fits(known({ has_credential: false }), "off")).toBe(true);
    expect(fits(known({ has_credential: false, hub: "hub-1" }), "off")).toBe(false);
    expect(fits(known({ battery_percent: 3 }), "attention")).toBe(true);
  });
  it.each([
    ["", true],
    ["0a41", true],
    ["bed 04", true],
    ["MONITOR patch", true],
    ["bed 05", false],
  ])("by words: '%s'", (text, found) => {
    expect(matches(known({}), text)).toBe(found);
  });
});

describe("units", () => {
  const named = (device: string, hub: string | null = null) => ({ device: of({ device, hub }), bed: null });
  it("stand below their hub, and alone where it is not listed", () => {
    const known = [named("a"), named("hub-1"), named("hub-1--e1", "hub-1"), named("hub-1-x"), named("hub-1--o1", "hub-1"), named("z--e1", "z")];
    expect(underHubs(known).map(({ device }) => device.device)).toEqual(["a", "hub-1", "hub-1--e1", "hub-1--o1", "hub-1-x", "z--e1"]);
  });
});
