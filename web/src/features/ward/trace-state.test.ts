import { describe, expect, it } from "vitest";

import { type TraceFacts, traceState } from "./trace-state";

const ECG: TraceFacts = { devices: 1, linked: true, lanes: 1, heard: true, stopped: false, hadNumber: true, wordAgeS: 1, leadOff: false };
const RADAR: TraceFacts = { ...ECG, lanes: 0, heard: false };

describe("traceState", () => {
  it("says nothing over a trace that runs, but that a lead is off", () => {
    expect(traceState(ECG)).toBeNull();
    expect(traceState({ ...ECG, leadOff: true })).toBe("lead-off");
  });

  it("says no data where a trace has stopped, waiting where none has begun", () => {
    expect(traceState({ ...ECG, heard: false })).toBe("no-data");
    expect(traceState({ ...ECG, heard: false, hadNumber: false })).toBe("waiting");
    expect(traceState({ ...ECG, heard: false, hadNumber: false, stopped: true })).toBe("no-data");
  });

  it("says nothing of a device without a trace while its values come", () => {
    expect(traceState(RADAR)).toBeNull();
    expect(traceState({ ...RADAR, wordAgeS: 15 })).toBeNull();
    expect(traceState({ ...RADAR, hadNumber: false })).toBeNull();
  });

  it("never is silent about such a device that is", () => {
    expect(traceState({ ...RADAR, wordAgeS: 15.1 })).toBe("no-data");
    expect(traceState({ ...RADAR, hadNumber: false, wordAgeS: null })).toBe("waiting");
    expect(traceState({ ...RADAR, hadNumber: false, wordAgeS: null, stopped: true })).toBe("no-data");
    expect(traceState({ ...RADAR, linked: false })).toBe("no-data");
  });

  it("says that nobody wears a device, link or not", () => {
    expect(traceState({ ...ECG, devices: 0, linked: false })).toBe("no-device");
  });
});
