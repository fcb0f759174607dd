import { beforeEach, describe, expect, it } from "vitest";

import { Lane, type LaneLook } from "./lane";
import { Ring } from "./ring";

const LOOK: LaneLook = { stream: "ecg", channels: ["II"], ink: "--p-ecg", top: 0, height: 1, mmPerS: 25, mmPerUnit: 10 };
const HZ = 250;
const PX_PER_MM = 4;
const WIDTH = 400; // four seconds at 25 mm/s and 4 px/mm

interface Ink {
  readonly x: number;
  readonly y: number;
  readonly down: boolean;
}

/** A canvas that remembers what was drawn on it. */
class Paper {
  readonly ink: Ink[] = [];
  readonly cleared: (readonly [number, number])[] = [];
  readonly moveTo = (x: number, y: number): void => void this.ink.push({ x, y, down: false });
  readonly lineTo = (x: number, y: number): void => void this.ink.push({ x, y, down: true });
  readonly clearRect = (x: number, _y: number, width: number): void => void this.cleared.push([x, width]);
  readonly beginPath = (): void => undefined;
  readonly stroke = (): void => undefined;
}

function draw(lane: Lane, ring: Ring, pen: number): Paper {
  const paper = new Paper();
  lane.draw(paper as unknown as CanvasRenderingContext2D, ring, HZ, pen);
  return paper;
}

describe("Lane", () => {
  let lane: Lane;
  let ring: Ring;
  const first = 1_795_000_000 * HZ;

  beforeEach(() => {
    lane = new Lane(LOOK);
    lane.layout(WIDTH, 100, PX_PER_MM);
    ring = new Ring(HZ * 24);
    ring.write(first, new Float32Array(HZ * 6).map((_, i) => Math.sin(i / 20)), 0, 1);
    draw(lane, ring, first + HZ * 5);
  });

  it("places a sample by its number: one second is 25 millimetres", () => {
    expect(lane.sweepS).toBe(4);
    const distance = (lane.x(first + 1.5 * HZ, HZ) - lane.x(first + 0.5 * HZ, HZ) + WIDTH) % WIDTH;
    expect(distance).toBeCloseTo(25 * PX_PER_MM, 2);
    expect(lane.x(first, HZ)).toBeCloseTo(lane.x(first + 4 * HZ, HZ), 2);
  });

  it("draws only what is new, and joins it to what is there", () => {
    const { ink } = draw(lane, ring, first + HZ * 5 + 4);
    expect(ink).toHaveLength(5);
    expect(ink.map(({ down }) => down)).toEqual([false, true, true, true, true]);
    expect(ink[0]?.x).toBeCloseTo(lane.x(first + HZ * 5, HZ), 3);
  });

  it("draws nothing when no sample is new", () => {
    const { ink, cleared } = draw(lane, ring, first + HZ * 5);
    expect([ink, cleared]).toEqual([[], []]);
  });

  it("loses nothing when frames are dropped", () => {
    const slow = draw(lane, ring, first + HZ * 5 + 100).ink.length;
    expect(slow).toBe(101);
  });

  it("stops at the end of what has come", () => {
    draw(lane, ring, first + HZ * 60);
    expect(lane.last).toBe(first + HZ * 6 - 1);
  });

  it("clears a gap of at least eight pixels ahead of the pen, around the edge too", () => {
    const { cleared } = draw(lane, ring, first + HZ * 5 + 4);
    const width = cleared.reduce((sum, [, each]) => sum + each, 0);
    expect(width).toBeGreaterThanOrEqual(8);
    expect(width).toBeLessThan(14);
  });

  it("breaks the line where samples are missing, and never joins over it", () => {
    const holed = new Ring(HZ * 24);
    holed.write(first, new Float32Array(HZ * 5).fill(0.1), 0, 1);
    holed.write(first + HZ * 5, new Float32Array([0.1, NaN, NaN, 0.2]), 0, 1);
    const torn = new Lane(LOOK);
    torn.layout(WIDTH, 100, PX_PER_MM);
    draw(torn, holed, first + HZ * 5 - 1);
    const { ink } = draw(torn, holed, first + HZ * 5 + 3);
    expect(ink.map(({ down }) => down)).toEqual([false, true, false]);
  });

  it("never draws outside its lane", () => {
    const wild = new Ring(HZ * 24);
    wild.write(first, new Float32Array(HZ * 5).map((_, i) => (i % 7 === 0 ? 40 : 0)), 0, 1);
    const fresh = new Lane(LOOK);
    fresh.layout(WIDTH, 100, PX_PER_MM);
    for (const { y } of draw(fresh, wild, first + HZ * 5 - 1).ink) {
      expect(y).toBeGreaterThanOrEqual(1);
      expect(y).toBeLessThanOrEqual(99);
    }
  });

  it("keeps ten millimetres a millivolt", () => {
    const square = new Ring(HZ * 24);
    square.write(first, new Float32Array(HZ * 5).map((_, i) => (Math.floor(i / 50) % 2 === 0 ? 0 : 1)), 0, 1);
    const tall = new Lane(LOOK);
    tall.layout(WIDTH, 400, PX_PER_MM);
    const heights = draw(tall, square, first + HZ * 5 - 1).ink.map(({ y }) => y);
    expect(Math.max(...heights) - Math.min(...heights)).toBeCloseTo(10 * PX_PER_MM, 3);
  });

  describe("with a scale of its own", () => {
    const BREATHING: LaneLook = { ...LOOK, stream: "impedance", mmPerS: 12.5, mmPerUnit: null };
    const breath = (i: number): number => Math.sin((2 * Math.PI * i) / (4 * HZ));
    let own: Lane;
    let air: Ring;

    beforeEach(() => {
      own = new Lane(BREATHING);
      own.layout(WIDTH, 100, PX_PER_MM); // eight seconds
      air = new Ring(HZ * 70);
    });

    /** Draw second by second, as frames do; gives what each second put on paper. */
    const play = (from: number, samples: readonly number[]): Paper[] => {
      air.write(from, new Float32Array(samples), 0, 1);
      const papers: Paper[] = [];
      for (let at = 25; at <= samples.length; at += 25) papers.push(draw(own, air, from + at - 1));
      return papers;
    };
    const ink = (papers: readonly Paper[]): Ink[] => papers.flatMap((paper) => paper.ink);
    const atEdge = (drawn: readonly Ink[]): number => drawn.filter(({ y }) => y <= 1 || y >= 99).length;
    const silence = (seconds: number): number[] => Array.from({ length: HZ * seconds }, (_, i) => 0.01 * Math.sin(i * 1.7));
    const breathing = (seconds: number): number[] => Array.from({ length: HZ * seconds }, (_, i) => breath(i));

    it("shows breathing that comes back after silence, not a line at the edge", () => {
      play(first, silence(20));
      const papers = play(first + HZ * 20, breathing(8));
      const settled = ink(papers.slice(-20));
      expect(atEdge(settled)).toBe(0);
      expect(Math.max(...settled.map(({ y }) => y)) - Math.min(...settled.map(({ y }) => y))).toBeGreaterThan(30);
    });

    it("does not let silence grow into a signal within two sweeps", () => {
      play(first, breathing(20));
      const heights = ink(play(first + HZ * 20, silence(16)).slice(-60)).map(({ y }) => y);
      expect(Math.max(...heights) - Math.min(...heights)).toBeLessThan(10);
    });

    it("makes a scale anew at most once a second", () => {
      play(first, silence(12));
      const wild = Array.from({ length: HZ * 4 }, (_, i) => 2 ** (i / HZ) * (Math.floor(i / 40) % 2 === 0 ? 1 : -1));
      const whole = play(first + HZ * 12, wild).filter(({ ink: { length } }) => length > HZ).length;
      expect(whole).toBeGreaterThan(0);
      expect(whole).toBeLessThanOrEqual(4);
    });
  });

  it("leaves a signal that no true scale holds as it is", () => {
    const tall = new Ring(HZ * 24);
    tall.write(first, new Float32Array(HZ * 12).map((_, i) => (i % 250 < 40 ? 8 : 0)), 0, 1);
    const torn = new Lane(LOOK);
    torn.layout(WIDTH, 100, PX_PER_MM);
    draw(torn, tall, first + HZ * 5);
    let whole = 0;
    for (let at = HZ * 5; at < HZ * 12; at += 25) if (draw(torn, tall, first + at).ink.length > HZ) whole += 1;
    expect(whole).toBe(0);
  });
});
