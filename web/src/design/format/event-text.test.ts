import { describe, expect, it } from "vitest";

import { actText, eventText } from "./event-text";

describe("an event", () => {
  it.each([
    ["lead_off", { electrode: "RA" }, "Lead off: RA"],
    ["lead_off", { stream: "ecg" }, "Lead off: ECG"],
    ["lead_on", {}, "Lead on again"],
    ["samples_missing", { stream: "ppg" }, "Samples missing: Pleth"],
    ["samples_missing", { stream: "ecg", reason: "frames_contradict" }, "Samples missing: ECG, they come faster than their rate says"],
    ["samples_missing", {}, "Samples missing"],
    ["battery_low", { battery_percent: 8.4 }, "Battery low: 8\u00a0%"],
    ["battery_low", { percent: 12 }, "Battery low: 12\u00a0%"],
    ["message_refused", { reason: "bad_checksum" }, "Message refused: wrong checksum"],
    ["message_refused", { reason: "of_tomorrow" }, "Message refused: of tomorrow"],
    ["status_changed", { status: "motion_artefact", on: true }, "Movement disturbs the signal"],
    ["status_changed", { status: "wrong_sensor", on: false }, "No longer: wrong sensor"],
    ["status_changed", { status: "lid_open", on: true }, "Lid open"],
    ["rhythm", { name: "pause", has_ended: false, duration_s: 2.4 }, "Pause of the heart: 2.4\u00a0s"],
    ["rhythm", { name: "ventricular_run", has_ended: false, beats: 5, rate: 181.6, from: 1 }, "Run of ventricular beats: 5 beats at 182\u00a0/min"],
    ["rhythm", { name: "couplet", has_ended: false, beats: 2, rate: 120.2, confidence: 0.76 }, "Two ventricular beats in a row: 2 beats at 120\u00a0/min, 76\u00a0% sure"],
    ["rhythm", { name: "bigeminy", has_ended: false, confidence: 0.8 }, "Bigeminy: 80\u00a0% sure"],
    ["fall", { confidence: 0.934, has_ended: false }, "Fall: 93\u00a0% sure"],
    ["sources_disagree", { name: "pulse", has_ended: false, n_sources: 2 }, "Sources disagree: heart and pulse"],
    ["sources_disagree", { name: "respiration", has_ended: true }, "No longer: sources disagree: breathing"],
    ["apnoea", { has_ended: true }, "No longer: breath stopped"],
    ["rhythm", { name: "bigeminy", has_ended: true }, "No longer: bigeminy"],
    ["rhythm", {}, "Heart rhythm"],
    ["signal_noise", { stream: "ecg", name: "electrode_motion", has_ended: false }, "Signal disturbed: ECG, electrodes move"],
    ["signal_noise", { stream: "ecg", name: "muscle", has_ended: true }, "No longer: signal disturbed: ECG, muscle"],
    ["front_end_fault", { reason: "front_end_fault" }, "ECG front end fault"],
    ["recording_made", { file: "12M28S36.txt" }, "Recording made: 12M28S36.txt"],
    ["file_stored", { file: "a.edf", format: "edf", frames: 12000 }, "File stored: a.edf, 12\u2009000 frames"],
    ["file_refused", { file: "a.txt", reason: "bad_checksum", line: 7 }, "File refused: a.txt, wrong checksum, line 7"],
    ["file_refused", { file: "a.edf", reason: "malformed", offset: 256 }, "File refused: a.edf, not readable, byte 256"],
    ["memory_cleared", { results: 1 }, "Memory cleared: 1 result"],
    ["unit_joined", { unit: "hub-1--e1", kind: "ecg" }, "Unit joined: hub-1--e1"],
    ["command_finished", { name: "read_file", outcome: "refused", detail: "no card" }, "Read file refused: no card"],
    ["something_new", { x: 1 }, "Something new"],
  ])("%s with %o reads '%s'", (kind, data, text) => {
    expect(eventText({ kind, data })).toBe(text);
  });
  it("never breaks on data of another shape", () => {
    for (const kind of ["lead_off", "battery_low", "file_refused", "status_changed", "memory_cleared", "command_finished", "file_stored"]) {
      expect(eventText({ kind, data: { electrode: 7, percent: "x", file: null, results: {}, name: [], frames: NaN } })).not.toBe("");
    }
  });
});

describe("an act", () => {
  it.each([
    ["command_device", { name: "set_rate", args: { rate_hz: 250 } }, "done", "Asked to set rate: rate hz 250, done"],
    ["command_device", { name: "identify", args: {} }, null, "Asked to identify"],
    ["set_limits", { limits: [{ measure: "spo2", low: 88, high: null }] }, "granted", "Limits set: SpO₂ 88 to –"],
    ["set_limits", {}, "granted", "Limits set: those of the site again"],
    ["pause_alarms", { minutes: 2 }, "granted", "Sound paused for 2\u00a0min"],
    ["change_group", { group: "pumps", belongs: true }, "granted", "Into group pumps"],
    ["log_in", {}, "refused", "Sign-in refused"],
    ["claim_device", {}, "refused", "Refused: device claimed"],
    ["dance", {}, "granted", "Dance"],
  ])("%s with %o, %s, reads '%s'", (kind, data, outcome, text) => {
    expect(actText({ kind, data, outcome })).toBe(text);
  });
});
