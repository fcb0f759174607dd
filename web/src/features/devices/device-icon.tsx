import { Activity, AudioWaveform, Cpu, Heart, type LucideIcon, MapPin, Radar, Router, Thermometer, Wind } from "lucide-react";

import type { Model } from "../../api/command-queries";

/** By the first stream of a model that says what kind of device it is. */
const BY_STREAM: Readonly<Record<string, LucideIcon>> = {
  ecg: Heart,
  ppg: AudioWaveform,
  radar_iq: Radar,
  flow: Wind,
  temperature: Thermometer,
  accelerometer: Activity,
  wifi_rssi: MapPin,
};

/** What kind of device it is, at a glance; the words beside it say the same. */
export function DeviceIcon({ model, size, isHub = false }: { readonly model: Model | undefined; readonly size: number; readonly isHub?: boolean }) {
  const known = model?.streams.find(({ stream }) => stream in BY_STREAM);
  const Icon = isHub ? Router : ((known === undefined ? undefined : BY_STREAM[known.stream]) ?? Cpu);
  return <Icon size={size} strokeWidth={1.8} aria-hidden="true" />;
}
