import { describe, expect, it } from "vitest";

import { vitalDisplay } from "../../design/vital-display";
import type { LiveConnection } from "../../live/live-connection";
import type { VitalItem } from "../../live/messages";
import { VitalStore } from "../../live/vitals";
import type { Moment } from "../../session/readings";
import { originOf } from "./value-origin";

const NOW = 1_000_000;

function item(change: Partial<VitalItem>): VitalItem {
  return { patient: "p", device: "d1", measure: "respiration_rate", method: "impedance_spectrum", source: "computed", atMs: NOW, value: 16, quality: 0.9, validity: "valid", revision: 0, order: 1, reason: null, ...change };
}

function origin(items: readonly VitalItem[], measure = "respiration_rate", linked = true): string {
  const vitals = new VitalStore();
  vitals.receive(items);
  const live = { vitals } as unknown as LiveConnection;
  const moment: Moment = { live, measures: new Map(), nowMs: NOW, linked };
  const value = vitals.shown("p", measure)?.value ?? null;
  const reading = { vital: vitalDisplay(measure), decimals: 0, unit: "", state: "fresh" as const, value, ageS: 0, last: null, reason: null, limits: null, alarm: null };
  return originOf("p", reading, moment);
}

describe("originOf", () => {
  it("names the source of a value that stands alone", () => {
    expect(origin([item({})])).toBe("impedance");
  });

  it("puts sources side by side, each with its value", () => {
    expect(origin([item({}), item({ method: "device", device: "d2", value: 17, quality: 0.5 })])).toBe("impedance 16 · device 17");
  });

  it("says when they differ by more than four a minute", () => {
    expect(origin([item({}), item({ method: "device", device: "d2", value: 21, quality: 0.5 })])).toBe("sources differ: impedance 16 · device 21");
    expect(origin([item({}), item({ method: "device", device: "d2", value: 20, quality: 0.5 })])).not.toContain("sources differ");
  });

  it("lets the sources stand for what was made of them", () => {
    const fused = item({ method: "respiration_fused", quality: 1 });
    expect(origin([fused, item({ quality: 0.5 }), item({ method: "ecg_respiration", value: 17, quality: 0.4 })])).toBe("impedance 16 · ECG 17");
    expect(origin([fused])).toBe("several sources");
  });

  it("leaves out what is old", () => {
    expect(origin([item({}), item({ method: "device", device: "d2", value: 30, atMs: NOW - 11_000 })])).toBe("impedance");
  });

  it("shows the pulse beside the heart rate", () => {
    const heart = item({ measure: "heart_rate", method: "ecg_beat_intervals", value: 80 });
    const pulse = item({ measure: "pulse_rate", method: "ppg_pulse_intervals", value: 79 });
    expect(origin([heart, pulse], "heart_rate")).toBe("ECG · pulse 79");
  });

  it("says nothing without a link", () => {
    expect(origin([item({})], "respiration_rate", false)).toBe("");
  });
});
