import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { FrameLoop } from "./frame-loop";
import type { ServerClock } from "./server-clock";
import type { Trace } from "./trace";

let next: FrameRequestCallback | null = null;
const clock = { now: () => 0 } as unknown as ServerClock;

function counted(inEveryFrame: boolean): { trace: Trace; drawn: () => number } {
  const frame = vi.fn();
  return { trace: { inEveryFrame, frame } as unknown as Trace, drawn: () => frame.mock.calls.length };
}

function frames(count: number, fromMs: number, eachMs: number): number {
  let ms = fromMs;
  for (let i = 0; i < count; i++) next?.((ms += eachMs));
  return ms;
}

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

it("draws every trace in every frame while the screen keeps up", () => {
  const loop = new FrameLoop(clock);
  const calm = counted(false);
  loop.add(calm.trace);
  frames(300, 0, 16.7);
  expect(calm.drawn()).toBe(300);
});

it("draws calm traces by turns on a screen that is late, and the others as often as before", () => {
  const loop = new FrameLoop(clock);
  const [one, other, alarmed] = [counted(false), counted(false), counted(true)];
  for (const { trace } of [one, other, alarmed]) loop.add(trace);
  const ms = frames(60, 0, 33);
  const before = [one.drawn(), other.drawn(), alarmed.drawn()];
  let together = 0;
  for (let i = 0; i < 20; i++) {
    const was = one.drawn() + other.drawn();
    frames(1, ms + i * 33, 33);
    together = Math.max(together, one.drawn() + other.drawn() - was);
  }
  expect([one.drawn(), other.drawn(), alarmed.drawn()].map((now, i) => now - (before[i] ?? 0))).toEqual([10, 10, 20]);
  expect(together).toBe(1);
});
