// @vitest-environment jsdom
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import type { Block } from "./binary";
import { Trace } from "./trace";
import { WaveStore } from "./waves";

const HZ = 250;
const T0 = 1_795_000_000_000;
const LOOK = { stream: "ecg", channels: ["II"], ink: "--p-ecg", top: 0, height: 1, mmPerS: 25, mmPerUnit: 10 };

let monotonic = 0;
let strokes = 0;
let cleared = 0;
const context = {
  setTransform: () => undefined,
  beginPath: () => undefined,
  moveTo: () => undefined,
  lineTo: () => undefined,
  stroke: () => void (strokes += 1),
  clearRect: () => void (cleared += 1),
};

function block(second: number): Block {
  const header = { subscription: "a", patient: "p", device: "d", stream: "ecg", hz: HZ, channels: ["II"], scale: 1, offset: 0, unit: "mV" };
  return { header, startUs: (T0 + second * 1000) * 1000, samples: new Float32Array(HZ).map((_, i) => Math.sin(i / 9)) };
}

function opened(): { trace: Trace; store: WaveStore } {
  const store = new WaveStore(() => monotonic);
  for (let second = 0; second < 8; second++) store.receive(block(second), T0 + (second + 1) * 1000);
  const trace = new Trace(document.createElement("canvas"), store, "p", [LOOK]);
  trace.resize(800, 100);
  return { trace, store };
}

beforeEach(() => {
  monotonic = strokes = cleared = 0;
  vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(context as unknown as null);
});
afterEach(() => {
  vi.restoreAllMocks();
});

it("stands still while it is frozen, whatever comes, and goes on from the present", () => {
  const { trace, store } = opened();
  trace.frame(T0 + 7000, 0);
  const penMs = trace.penMs;
  trace.freeze(penMs);
  strokes = cleared = 0;
  store.receive(block(8), T0 + 9000);
  for (let frame = 1; frame < 60; frame++) trace.frame(T0 + 7000 + frame * 16, frame * 16);
  expect([strokes, cleared]).toEqual([0, 0]);
  expect(trace.penMs).toBe(penMs);
  trace.freeze(null);
  trace.frame(T0 + 9000, 2000);
  expect(strokes).toBe(1);
  expect(trace.penMs).toBeGreaterThan(penMs);
});

it("draws the time that stands still again when its size changes", () => {
  const { trace } = opened();
  trace.frame(T0 + 7000, 0);
  const penMs = trace.penMs;
  trace.freeze(penMs);
  strokes = 0;
  trace.resize(600, 100);
  trace.frame(T0 + 8000, 1000);
  expect(strokes).toBe(1);
  expect(trace.signal(0)?.pen).toBe(Math.floor((penMs * HZ) / 1000));
});

it("has no signal to measure before its first frame", () => {
  expect(opened().trace.signal(0)).toBeNull();
});

it("sweeps over whole pixels, as the caliper and the letters of a frozen picture take it", () => {
  const { trace } = opened();
  const [lane] = trace.lanes;
  trace.resize(733.6, 100);
  const sweepS = lane?.sweepS ?? 0;
  trace.resize(734, 100);
  expect(lane?.sweepS).toBe(sweepS);
});
