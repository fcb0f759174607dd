/** What a device's state is called, and which devices are looked for. Pure, so that it can be tested without a page. */
import type { Device } from "../../api/device-queries";

export type DeviceState = "online" | "weak" | "battery" | "offline" | "never" | "cut" | "retired";
export type DeviceFilter = "all" | "attention" | "unassigned" | "off";

const LOW_PERCENT = 20;
const WEAK_DBM = -80; // below, Wi-Fi and BLE links lose packets
const FULL_DBM = -55;
const BARS = 4;

export function stateOf(device: Device): DeviceState {
  if (device.retired) return "retired";
  if (!device.has_credential && device.hub === null) return "cut"; // a unit speaks through its hub
  if (!device.online) return device.last_seen === null ? "never" : "offline";
  if (device.battery_percent !== null && device.battery_percent <= LOW_PERCENT) return "battery";
  if (device.rssi_dbm !== null && device.rssi_dbm < WEAK_DBM) return "weak";
  return "online";
}

/** Somebody should look: it is worn or known to the ward, and does not work as it should. */
export function needsAttention(device: Device): boolean {
  return ["weak", "battery", "offline"].includes(stateOf(device));
}

/** One to four bars of radio. */
export function radioBars(dbm: number): number {
  const part = (dbm - WEAK_DBM) / (FULL_DBM - WEAK_DBM);
  return Math.max(1, Math.min(BARS, 2 + Math.floor(part * 2.999)));
}

export interface Known {
  readonly device: Device;
  /** Null: of nobody whom the user may see. */
  readonly bed: string | null;
}

export function fits({ device }: Known, filter: DeviceFilter): boolean {
  switch (filter) {
    case "all":
      return true;
    case "attention":
      return needsAttention(device);
    case "unassigned":
      return device.patient === null && !device.retired;
    case "off":
      return device.retired || (!device.has_credential && device.hub === null);
    default:
      return filter satisfies never;
  }
}

export function matches({ device, bed }: Known, text: string, label = ""): boolean {
  const hay = `${device.device} ${device.model} ${label} ${device.hub ?? ""} ${bed === null ? "" : `bed ${bed}`} ${device.note ?? ""}`.toLowerCase();
  return text.toLowerCase().split(/\s+/).every((word) => hay.includes(word));
}

/** Each unit below its hub; what stands alone keeps its place. */
export function underHubs(known: readonly Known[]): Known[] {
  const present = new Set(known.map(({ device }) => device.device));
  const units = new Map<string, Known[]>();
  const rest: Known[] = [];
  for (const one of known) {
    const { hub } = one.device;
    if (hub === null || !present.has(hub)) rest.push(one);
    else units.set(hub, [...(units.get(hub) ?? []), one]);
  }
  return rest.flatMap((one) => [one, ...(units.get(one.device.device) ?? [])]);
}
