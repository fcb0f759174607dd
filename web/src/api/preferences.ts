/**
 * Methods of each measure, the one to rely on first, and how long a silent source is waited for.
 * Made by `make generate` from shared/contracts/methods.py and preference.py: do not edit.
 */
export type Nature = "fused" | "direct" | "derived" | "comparison";

export interface Preference {
  readonly waitedMs: number;
  /** By habit it is told so long after the moment that it speaks of. */
  readonly lateS: number;
  readonly methods: Readonly<Record<string, { readonly place: number; readonly nature: Nature }>>;
}

export const PREFERENCES: Readonly<Record<string, Preference>> = {
  heart_rate: { waitedMs: 6000, lateS: 0, methods: {"ecg_beat_intervals": {"place": 0, "nature": "direct"}, "radar_pulse": {"place": 1, "nature": "direct"}, "device": {"place": 2, "nature": "direct"}, "radar_published": {"place": 3, "nature": "comparison"}} },
  pulse_rate: { waitedMs: 6000, lateS: 0, methods: {"ppg_spectrum": {"place": 0, "nature": "direct"}, "ppg_pulse_intervals": {"place": 1, "nature": "direct"}, "device": {"place": 2, "nature": "direct"}} },
  spo2: { waitedMs: 6000, lateS: 0, methods: {"ppg_ratio_of_ratios": {"place": 0, "nature": "direct"}, "ppg_ratio_table": {"place": 1, "nature": "direct"}, "ppg_ratio_linear": {"place": 2, "nature": "direct"}, "ppg_ratio_beer_lambert": {"place": 3, "nature": "direct"}, "device": {"place": 4, "nature": "direct"}} },
  perfusion_index: { waitedMs: 6000, lateS: 0, methods: {"ppg_ac_dc": {"place": 0, "nature": "direct"}, "device": {"place": 1, "nature": "direct"}} },
  respiration_rate: { waitedMs: 6000, lateS: 5, methods: {"respiration_fused": {"place": 0, "nature": "fused"}, "impedance_breaths": {"place": 1, "nature": "direct"}, "impedance_spectrum": {"place": 2, "nature": "direct"}, "chest_motion_breath": {"place": 3, "nature": "direct"}, "radar_breath": {"place": 4, "nature": "direct"}, "device": {"place": 5, "nature": "direct"}, "ecg_respiration": {"place": 6, "nature": "derived"}, "ppg_respiration": {"place": 7, "nature": "derived"}, "radar_published": {"place": 8, "nature": "comparison"}} },
  temperature: { waitedMs: 65000, lateS: 0, methods: {"temperature_sensor": {"place": 0, "nature": "direct"}, "device": {"place": 1, "nature": "direct"}} },
  rr_interval: { waitedMs: 6000, lateS: 0, methods: {"ecg_beat_intervals": {"place": 0, "nature": "direct"}, "ppg_pulse_intervals": {"place": 1, "nature": "direct"}} },
  hrv_sdnn: { waitedMs: 65000, lateS: 0, methods: {"normal_intervals": {"place": 0, "nature": "direct"}, "ppg_pulse_intervals": {"place": 1, "nature": "direct"}} },
  hrv_rmssd: { waitedMs: 65000, lateS: 0, methods: {"normal_intervals": {"place": 0, "nature": "direct"}, "ppg_pulse_intervals": {"place": 1, "nature": "direct"}} },
  hrv_pnn50: { waitedMs: 65000, lateS: 0, methods: {"normal_intervals": {"place": 0, "nature": "direct"}, "ppg_pulse_intervals": {"place": 1, "nature": "direct"}} },
  hrv_lf_hf: { waitedMs: 65000, lateS: 0, methods: {"normal_intervals": {"place": 0, "nature": "direct"}, "ppg_pulse_intervals": {"place": 1, "nature": "direct"}} },
  posture: { waitedMs: 6000, lateS: 0, methods: {} },
  steps: { waitedMs: 10000, lateS: 0, methods: {"motion_steps": {"place": 0, "nature": "direct"}, "device": {"place": 1, "nature": "direct"}, "motion_steps_published": {"place": 2, "nature": "comparison"}} },
  cadence: { waitedMs: 10000, lateS: 0, methods: {"motion_steps": {"place": 0, "nature": "direct"}, "device": {"place": 1, "nature": "direct"}, "motion_steps_published": {"place": 2, "nature": "comparison"}} },
  walking_speed: { waitedMs: 10000, lateS: 0, methods: {} },
  activity: { waitedMs: 10000, lateS: 0, methods: {} },
  position: { waitedMs: 10000, lateS: 0, methods: {} },
  fvc: { waitedMs: 65000, lateS: 0, methods: {"flow_blow": {"place": 0, "nature": "direct"}, "device": {"place": 1, "nature": "direct"}} },
  fev1: { waitedMs: 65000, lateS: 0, methods: {"flow_blow": {"place": 0, "nature": "direct"}, "device": {"place": 1, "nature": "direct"}} },
  pef: { waitedMs: 65000, lateS: 0, methods: {"flow_blow": {"place": 0, "nature": "direct"}, "device": {"place": 1, "nature": "direct"}} },
  fef25: { waitedMs: 65000, lateS: 0, methods: {"flow_blow": {"place": 0, "nature": "direct"}, "device": {"place": 1, "nature": "direct"}} },
  fef50: { waitedMs: 65000, lateS: 0, methods: {"flow_blow": {"place": 0, "nature": "direct"}, "device": {"place": 1, "nature": "direct"}} },
  fef75: { waitedMs: 65000, lateS: 0, methods: {"flow_blow": {"place": 0, "nature": "direct"}, "device": {"place": 1, "nature": "direct"}} },
  fef25_75: { waitedMs: 65000, lateS: 0, methods: {"flow_blow": {"place": 0, "nature": "direct"}, "device": {"place": 1, "nature": "direct"}} },
  presence: { waitedMs: 6000, lateS: 0, methods: {} },
  breathing_seen: { waitedMs: 6000, lateS: 0, methods: {} },
  fast_breathing: { waitedMs: 6000, lateS: 0, methods: {} },
  pulse_seen: { waitedMs: 6000, lateS: 0, methods: {} },
  position_x: { waitedMs: 10000, lateS: 0, methods: {} },
  position_y: { waitedMs: 10000, lateS: 0, methods: {} },
  room: { waitedMs: 10000, lateS: 0, methods: {} },
  doing: { waitedMs: 10000, lateS: 0, methods: {} },
  effort: { waitedMs: 10000, lateS: 0, methods: {} },
  time_since_breath: { waitedMs: 10000, lateS: 0, methods: {} },
  extrapolated_volume: { waitedMs: 65000, lateS: 0, methods: {} },
  expiratory_time: { waitedMs: 65000, lateS: 0, methods: {} },
  end_rise: { waitedMs: 65000, lateS: 0, methods: {} },
  flow_regained: { waitedMs: 65000, lateS: 0, methods: {} },
};
