/** How each vital sign looks on the page; units, decimals and ages come from the server's table. */
import { formatValue } from "./format/numbers";

export interface VitalDisplay {
  readonly key: string;
  /** Label where space is short. */
  readonly short: string;
  /** Name for sentences and screen readers. */
  readonly name: string;
  readonly ink: string;
  /** Unit on the page where it is not the server's. */
  readonly unit?: string;
  /** What each value is called, where values are no quantities. */
  readonly words?: Readonly<Record<number, string>>;
}

const YES_OR_NO = { 0: "No", 1: "Yes" } as const;

export const VITALS = {
  heart_rate: { key: "heart_rate", short: "HR", name: "Heart rate", ink: "--p-ecg", unit: "bpm" },
  pulse_rate: { key: "pulse_rate", short: "PR", name: "Pulse rate", ink: "--p-ecg", unit: "bpm" },
  spo2: { key: "spo2", short: "SpO₂", name: "Oxygen saturation", ink: "--p-spo2" },
  respiration_rate: { key: "respiration_rate", short: "RR", name: "Breathing rate", ink: "--p-resp" },
  time_since_breath: { key: "time_since_breath", short: "Last breath", name: "Time since last breath", ink: "--p-resp" },
  temperature: { key: "temperature", short: "Temp", name: "Temperature", ink: "--p-temp" },
  perfusion_index: { key: "perfusion_index", short: "PI", name: "Perfusion index", ink: "--p-spo2" },
  presence: { key: "presence", short: "Presence", name: "Presence", ink: "--text", words: { 0: "Nobody seen", 1: "Somebody" } },
  breathing_seen: { key: "breathing_seen", short: "Breathing seen", name: "Breathing seen", ink: "--p-resp", words: YES_OR_NO },
  fast_breathing: { key: "fast_breathing", short: "Breathing above 30 /min", name: "Breathing above 30 /min", ink: "--p-resp", words: YES_OR_NO },
  pulse_seen: { key: "pulse_seen", short: "Pulse seen", name: "Pulse seen", ink: "--p-ecg", words: YES_OR_NO },
  posture: {
    key: "posture",
    short: "Posture",
    name: "Posture",
    ink: "--p-move",
    words: { 1: "Standing", 2: "Sitting", 3: "Bending", 4: "On the back", 5: "On the front", 6: "On the left side", 7: "On the right side" },
  },
  doing: { key: "doing", short: "Doing", name: "Doing", ink: "--p-move", words: { 1: "Lying", 2: "Sitting", 3: "Standing", 4: "Walking" } },
  effort: { key: "effort", short: "Effort", name: "Effort", ink: "--p-move", words: { 1: "Still", 2: "Light", 3: "Moderate", 4: "Vigorous" } },
} as const satisfies Readonly<Record<string, VitalDisplay>>;

export function vitalDisplay(key: string): VitalDisplay {
  const known: Readonly<Record<string, VitalDisplay>> = VITALS;
  return known[key] ?? { key, short: key, name: key, ink: "--text" };
}

/** A value as the page writes it: a word where it stands for one, a number otherwise. */
export function formatVital({ words }: VitalDisplay, value: number | null, decimals: number): string {
  return (value === null ? undefined : words?.[value]) ?? formatValue(value, decimals);
}
