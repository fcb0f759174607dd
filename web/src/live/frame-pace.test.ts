import { expect, it } from "vitest";

import { FramePace } from "./frame-pace";

/** Frames of so many milliseconds each, for so long; gives the time after them. */
function run(pace: FramePace, fromMs: number, eachMs: number, forMs: number): number {
  let ms = fromMs;
  while (ms < fromMs + forMs) {
    ms += eachMs;
    pace.observe(ms);
  }
  return ms;
}

it("stays whole while frames keep the budget", () => {
  const pace = new FramePace();
  run(pace, 0, 16.7, 60_000);
  expect(pace.isHalved).toBe(false);
});

it("bears a late frame now and then", () => {
  const pace = new FramePace();
  let ms = 0;
  for (let second = 0; second < 120; second++) ms = run(pace, run(pace, ms, 16.7, 950), 33.4, 30);
  expect(pace.isHalved).toBe(false);
});

it("halves within seconds when more than one frame in twenty is late", () => {
  const pace = new FramePace();
  let ms = 0;
  for (let turn = 0; turn < 16; turn++) ms = run(pace, run(pace, ms, 16.7, 160), 33.4, 30);
  expect(pace.isHalved).toBe(true);
  expect(ms).toBeLessThan(5_000);
});

it("tries whole frames again, each time later while that fails", () => {
  const pace = new FramePace();
  const tries: number[] = [];
  let wasHalved = false;
  for (let ms = 0; ms < 400_000; ms += 33) {
    pace.observe(ms);
    if (wasHalved && !pace.isHalved) tries.push(ms);
    wasHalved = pace.isHalved;
  }
  const between = tries.slice(1).map((ms, i) => ms - (tries[i] ?? 0));
  expect(tries[0]).toBeLessThan(35_000);
  expect(between.map((ms) => Math.round(ms / 10_000))).toEqual([6, 12]);
});

it("is whole again for good when the screen keeps up", () => {
  const pace = new FramePace();
  const ms = run(pace, 0, 33, 10_000);
  expect(pace.isHalved).toBe(true);
  run(pace, ms, 16.7, 120_000);
  expect(pace.isHalved).toBe(false);
});

it("takes a hidden tab for no late frames", () => {
  const pace = new FramePace();
  let ms = 0;
  for (let wake = 0; wake < 100; wake++) ms = run(pace, run(pace, ms, 16.7, 100), 5_000, 4_000);
  expect(pace.isHalved).toBe(false);
});
