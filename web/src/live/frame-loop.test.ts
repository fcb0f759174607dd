import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { FrameLoop } from "./frame-loop";
import type { ServerClock } from "./server-clock";
import type { Trace } from "./trace";

let next: FrameRequestCallback | null = null;
const clock = { now: () => 7 } as unknown as ServerClock;

beforeEach(() => {
  vi.stubGlobal("requestAnimationFrame", (step: FrameRequestCallback) => {
    next = step;
    return 1;
  });
  vi.stubGlobal("cancelAnimationFrame", () => (next = null));
});
afterEach(() => {
  vi.unstubAllGlobals();
});

it("draws every trace in every frame, and none without a trace", () => {
  const loop = new FrameLoop(clock);
  const [one, other] = [vi.fn(), vi.fn()];
  const leave = [one, other].map((frame) => loop.add({ frame } as unknown as Trace));
  for (let i = 1; i <= 300; i++) next?.(33 * i);
  expect([one.mock.calls.length, other.mock.calls.length]).toEqual([300, 300]);
  expect(other.mock.lastCall).toEqual([7, 9_900]);
  leave[0]?.();
  next?.(10_000);
  expect([one.mock.calls.length, other.mock.calls.length]).toEqual([300, 301]);
  leave[1]?.();
  expect(next).toBe(null);
});
