/** How each vital sign looks on the page; units, decimals and ages come from the server's table. */
export interface VitalDisplay {
  readonly key: string;
  /** Label where space is short. */
  readonly short: string;
  /** Name for sentences and screen readers. */
  readonly name: string;
  readonly ink: string;
  /** Unit on the page where it is not the server's. */
  readonly unit?: string;
}

export const VITALS = {
  heart_rate: { key: "heart_rate", short: "HR", name: "Heart rate", ink: "--p-ecg", unit: "bpm" },
  pulse_rate: { key: "pulse_rate", short: "PR", name: "Pulse rate", ink: "--p-ecg", unit: "bpm" },
  spo2: { key: "spo2", short: "SpO₂", name: "Oxygen saturation", ink: "--p-spo2" },
  respiration_rate: { key: "respiration_rate", short: "RR", name: "Breathing rate", ink: "--p-resp" },
  temperature: { key: "temperature", short: "Temp", name: "Temperature", ink: "--p-temp" },
  perfusion_index: { key: "perfusion_index", short: "PI", name: "Perfusion index", ink: "--p-spo2" },
} as const satisfies Readonly<Record<string, VitalDisplay>>;

export function vitalDisplay(key: string): VitalDisplay {
  const known: Readonly<Record<string, VitalDisplay>> = VITALS;
  return known[key] ?? { key, short: key, name: key, ink: "--text" };
}
