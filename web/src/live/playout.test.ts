import { describe, expect, it } from "vitest";

import { Playout } from "./playout";

const START = 1_795_000_000_000;

/** Blocks of `lengthMs` that arrive `lagMs` after their end, drawn at 60 frames a second. */
function run({ seconds, lengthMs, lagMs }: { seconds: number; lengthMs: number; lagMs: (block: number) => number }) {
  const playout = new Playout();
  const pens: number[] = [];
  let underruns = 0;
  let newest = START;
  let block = 1;
  for (let t = 0; t < seconds * 1000; t += 1000 / 60) {
    while (block * lengthMs + lagMs(block) <= t) {
      newest = START + block * lengthMs;
      playout.observe(lagMs(block), lengthMs, block * lengthMs + lagMs(block));
      block += 1;
    }
    const pen = playout.pen(START + t, t);
    pens.push(pen);
    if (t > 2 * lengthMs && pen > newest) underruns += 1;
  }
  return { pens, underruns };
}

describe("Playout", () => {
  it("never overtakes the newest sample once it knows the rhythm of arrival", () => {
    expect(run({ seconds: 30, lengthMs: 1000, lagMs: () => 300 }).underruns).toBe(0);
    expect(run({ seconds: 30, lengthMs: 100, lagMs: (n) => 80 + (n % 5) * 25 }).underruns).toBe(0);
  });

  it("runs at the speed of time, never backwards", () => {
    const { pens } = run({ seconds: 30, lengthMs: 1000, lagMs: (n) => 200 + (n % 3) * 150 });
    const steps = pens.slice(600).map((pen, i, all) => pen - (all[i - 1] ?? pen - 1000 / 60));
    expect(Math.min(...steps)).toBeGreaterThan(0.85 * (1000 / 60));
    expect(Math.max(...steps)).toBeLessThan(1.15 * (1000 / 60));
  });

  it("comes closer again when arrival gets quicker", () => {
    const { pens } = run({ seconds: 90, lengthMs: 200, lagMs: (n) => (n < 20 ? 1500 : 100) });
    const delay = START + 90_000 - (pens.at(-1) ?? 0);
    expect(delay).toBeLessThan(700);
  });

  it("is the same for all lanes of one frame", () => {
    const playout = new Playout();
    playout.observe(100, 100, 0);
    expect(playout.pen(START, 10)).toBe(playout.pen(START + 5, 10));
  });
});
