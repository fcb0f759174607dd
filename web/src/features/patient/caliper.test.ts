import { describe, expect, it } from "vitest";

import { distance, lastPeaks, numberAt, onSweep, type Sweep, xOf } from "./caliper";

const SWEEP: Sweep = { hz: 250, pen: 442_500_123_457, width: 700, pxPerS: 94.5 };
const sweepS = SWEEP.width / SWEEP.pxPerS;

describe("numberAt", () => {
  it("is where the sample was drawn, on both sides of the pen", () => {
    for (let back = 0; back < Math.floor(sweepS * SWEEP.hz); back += 37) {
      const number = SWEEP.pen - back;
      expect(Math.abs(numberAt(xOf(number, SWEEP), SWEEP) - number)).toBeLessThanOrEqual(1);
    }
  });

  it("measures time across the pen as the time it is, not as the distance on the screen", () => {
    const pen = xOf(SWEEP.pen, SWEEP);
    const newer = numberAt(pen - 10, SWEEP);
    const older = numberAt(pen + 30, SWEEP);
    expect(newer).toBeGreaterThan(older);
    expect(distance(newer, older, SWEEP.hz).ms).toBeGreaterThan(sweepS * 1000 - 600);
  });
});

describe("onSweep", () => {
  it("keeps a line on the picture", () => {
    expect(onSweep(SWEEP.pen + 5, SWEEP)).toBe(SWEEP.pen);
    const oldest = onSweep(0, SWEEP);
    expect((SWEEP.pen - oldest) / SWEEP.hz).toBeLessThan(sweepS);
  });
});

describe("lastPeaks", () => {
  const beats = (every: number) => ({ at: (number: number) => ((SWEEP.pen - number) % every === 100 ? 1.2 : 0.1 * Math.sin(number / 40)) });

  it("finds the last two beats", () => {
    const [earlier, later] = lastPeaks(beats(129), SWEEP);
    expect(later - earlier).toBe(129);
    expect(distance(earlier, later, 250)).toEqual({ ms: 516, rate: 116 });
  });

  it("puts lines somewhere sensible where there are no beats", () => {
    const [earlier, later] = lastPeaks({ at: () => NaN }, SWEEP);
    expect(later - earlier).toBe(200);
  });
});

describe("distance", () => {
  it("of nothing has no rate", () => {
    expect(distance(5, 5, 250)).toEqual({ ms: 0, rate: 0 });
  });
});
