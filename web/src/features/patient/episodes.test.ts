import { describe, expect, it } from "vitest";

import type { PatientEvent } from "../../api/types";
import { type Episode, episodes } from "./episodes";

const T0 = Date.parse("2026-11-21T10:00:00Z");

function finding(s: number, kind: string, data: PatientEvent["data"], device = "d1"): PatientEvent {
  return { id: `${kind}-${String(s)}`, t: new Date(T0 + s * 1000).toISOString(), kind, severity: "medium", source: "dsp", text_key: kind, patient: "p", device, data };
}
const rhythm = (s: number, name: string, has_ended: boolean, more: PatientEvent["data"] = {}) => finding(s, "rhythm", { stream: "ecg", name, has_ended, ...more });
const us = (s: number): number => (T0 + s * 1000) * 1000;
const seconds = ({ startMs, endMs, isOpen }: Episode) => [(startMs - T0) / 1000, isOpen ? "open" : (endMs - T0) / 1000];
const told = (...events: PatientEvent[]) => episodes(events).map((one) => [...seconds(one), one.text]);

describe("episodes", () => {
  it("go from beginning to end, in whatever order the events come", () => {
    expect(told(rhythm(40, "bigeminy", true), rhythm(0, "bigeminy", false))).toEqual([[0, 40, "Bigeminy"]]);
  });

  it("are open until somebody tells the end", () => {
    expect(told(rhythm(5, "tachycardia", false))).toEqual([[5, "open", "Fast heart rhythm"]]);
  });

  it("begin when it began, not when it was found", () => {
    expect(told(finding(20, "apnoea", { has_ended: false, since: us(8) }), finding(31, "apnoea", { has_ended: true }))).toEqual([[8, 31, "Breath stopped"]]);
    expect(told(rhythm(20, "ventricular_run", false, { from: us(18), beats: 5, rate: 180 }))).toEqual([[18, 20, "Run of ventricular beats: 5 beats at 180\u00a0/min"]]);
  });

  it("join what comes again within 30 s, and nothing later", () => {
    const one = [rhythm(0, "bigeminy", false), rhythm(20, "bigeminy", true)];
    const near = [rhythm(50, "bigeminy", false), rhythm(60, "bigeminy", true)];
    const far = [rhythm(91, "bigeminy", false)];
    expect(told(...one, ...near, ...far)).toEqual([
      [0, 60, "Bigeminy, 2 times"],
      [91, "open", "Bigeminy"],
    ]);
  });

  it("tell the longest of joined pauses", () => {
    const pause = (s: number, duration_s: number) => rhythm(s, "pause", false, { duration_s, from: us(s - duration_s) });
    expect(told(pause(10, 2.4), pause(30, 3.1))).toEqual([[7.6, 30, "Pause of the heart, 2 times, longest 3.1\u00a0s"]]);
  });

  it("never join other kinds, names or devices", () => {
    const all = [rhythm(0, "bigeminy", false), rhythm(5, "trigeminy", false), finding(6, "fall", { has_ended: false, confidence: 0.9 }), finding(7, "fall", { has_ended: false, confidence: 0.8 }, "d2")];
    expect(told(...all)).toEqual([
      [0, "open", "Bigeminy"],
      [5, "open", "Trigeminy"],
      [6, 6, "Fall: 90\u00a0% sure"],
      [7, 7, "Fall: 80\u00a0% sure"],
    ]);
  });

  it("tell an end whose beginning is not known as an end, and join nothing to it", () => {
    expect(told(rhythm(10, "bigeminy", true), rhythm(20, "bigeminy", false))).toEqual([
      [10, 10, "No longer: bigeminy"],
      [20, "open", "Bigeminy"],
    ]);
  });

  it("take a beginning that is told twice for one that goes on", () => {
    expect(told(rhythm(0, "asystole", false), rhythm(100, "asystole", false), rhythm(130, "asystole", true))).toEqual([[0, 130, "No heart beat"]]);
  });

  it("leave all else alone", () => {
    expect(told(finding(0, "lead_off", { electrode: "RA" }))).toEqual([]);
  });
});
