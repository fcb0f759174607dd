/** The live lanes of the patient page: what the patient's devices send, at true speed and size. */
import type { StreamKey } from "../../api/types";
import type { LaneLook } from "../../live/lane";

export interface PatientLane {
  readonly look: LaneLook;
  readonly stream: string;
  readonly ink: string;
  readonly share: number;
  /** Speed and size in words; null where the height is fitted. */
  readonly mmPerS: number;
  readonly mmPerUnit: number | null;
  readonly unit: string;
  /** The vital signs whose quality speaks for this signal. */
  readonly quality: readonly string[];
}

interface Kind {
  readonly stream: StreamKey;
  readonly channels: readonly string[];
  readonly ink: string;
  readonly share: number;
  readonly slow?: boolean;
  readonly scaled?: boolean;
  readonly inverted?: boolean;
  readonly quality: readonly string[];
}

export const KINDS: readonly Kind[] = [
  { stream: "ecg", channels: ["II", "I", "MLII"], ink: "--p-ecg", share: 1.75, scaled: true, quality: ["heart_rate"] },
  { stream: "ppg", channels: ["infrared", "green", "red"], ink: "--p-spo2", share: 1.05, inverted: true, quality: ["spo2", "pulse_rate"] },
  { stream: "impedance", channels: ["impedance"], ink: "--p-resp", share: 0.78, slow: true, quality: ["respiration_rate"] },
  { stream: "radar_iq", channels: ["i"], ink: "--p-resp", share: 0.66, slow: true, quality: ["respiration_rate"] },
  { stream: "flow", channels: ["flow"], ink: "--p-flow", share: 0.78, slow: true, quality: [] },
  { stream: "accelerometer", channels: ["x"], ink: "--p-move", share: 0.6, slow: true, quality: [] },
];
const SLOW_SHARE = 0.25; // breathing runs at a quarter of the ECG's speed
const MOST_LANES = 5;

export const SPEEDS = [12.5, 25, 50] as const;
export const GAINS = [5, 10, 20] as const;
export type Speed = (typeof SPEEDS)[number];
export type Gain = (typeof GAINS)[number];

export function patientLanes(available: ReadonlySet<string>, speed: Speed, gain: Gain, most = MOST_LANES): PatientLane[] {
  const kinds = KINDS.filter((kind) => available.has(kind.stream)).slice(0, most);
  const total = kinds.reduce((sum, kind) => sum + kind.share, 0);
  let top = 0;
  return kinds.map((kind) => {
    const height = kind.share / total;
    const mmPerS = kind.slow === true ? speed * SLOW_SHARE : speed;
    const mmPerUnit = kind.scaled === true ? gain : null;
    const look: LaneLook = {
      stream: kind.stream,
      channels: kind.channels,
      ink: kind.ink,
      top,
      height,
      mmPerS,
      mmPerUnit,
      baseline: 0.66,
      inverted: kind.inverted === true,
      beats: kind.stream === "ecg",
      width: kind.slow === true ? 1.5 : 1.9,
    };
    top += height;
    return { look, stream: kind.stream, ink: kind.ink, share: kind.share, mmPerS, mmPerUnit, unit: "mV", quality: kind.quality };
  });
}
