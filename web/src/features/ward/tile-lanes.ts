/** The traces of a tile, by its size and by what the patient's devices send. */
import type { LaneLook } from "../../live/lane";
import type { Density } from "./beds";

type Lane = Omit<LaneLook, "top" | "height"> & { readonly share: number };

const ECG: Lane = { stream: "ecg", channels: ["II", "I", "MLII"], ink: "--p-ecg", mmPerS: 25, mmPerUnit: 10, fitUnits: 1.6, baseline: 0.78, share: 1.6 };
const PLETH: Lane = { stream: "ppg", channels: ["infrared", "green", "red"], ink: "--p-spo2", mmPerS: 25, mmPerUnit: null, inverted: true, share: 1 };
const BREATHING: Lane = { stream: "impedance", channels: ["impedance"], ink: "--p-resp", mmPerS: 12.5, mmPerUnit: null, share: 0.8 };
const IN_ORDER = [ECG, PLETH, BREATHING] as const;
const LANES_OF: Readonly<Record<Density, number>> = { l: 3, m: 2, s: 1, phone: 1 };
const SLOW_MM_PER_S = 12.5;

export function tileStreams(density: Density, available: ReadonlySet<string>): string[] {
  return chosen(density, available).map((lane) => lane.stream);
}

/** Lanes that share the height of the tile's canvas. `short` tiles have room for one. */
export function tileLanes(density: Density, available: ReadonlySet<string>, short: boolean): LaneLook[] {
  const lanes = chosen(density, available).slice(0, short ? 1 : undefined);
  const total = lanes.reduce((sum, lane) => sum + lane.share, 0);
  let top = 0;
  return lanes.map(({ share, ...lane }) => {
    const height = share / total;
    const placed = { ...lane, top, height, width: density === "s" ? 1.3 : density === "l" ? 1.8 : 1.6 };
    top += height;
    return density === "s" ? { ...placed, mmPerS: SLOW_MM_PER_S } : placed;
  });
}

function chosen(density: Density, available: ReadonlySet<string>): Lane[] {
  return IN_ORDER.filter((lane) => available.has(lane.stream)).slice(0, LANES_OF[density]);
}
