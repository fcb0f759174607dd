import { beforeEach, describe, expect, it } from "vitest";

import { BeatMarks, letterOf } from "./beat-marks";
import { Beats } from "./beats";
import { Lane, type LaneLook } from "./lane";
import type { LiveBeat } from "./messages";
import { Ring } from "./ring";

const LOOK: LaneLook = { stream: "ecg", channels: ["II"], ink: "--p-ecg", top: 0, height: 1, mmPerS: 25, mmPerUnit: 10, beats: true };
const HZ = 250;
const FIRST_S = 1_795_000_000;
const WIDTH = 400; // four seconds at 25 mm/s and 4 px/mm

/** A canvas that remembers letters and boxes, and how much of it was wiped. */
class Paper {
  letters: [string, number][] = [];
  boxes = 0;
  cleared: { readonly x: number; readonly top: number; readonly width: number; readonly height: number }[] = [];
  readonly fillText = (letter: string, x: number): void => void this.letters.push([letter, x]);
  readonly roundRect = (): void => void (this.boxes += 1);
  readonly clearRect = (x: number, top: number, width: number, height: number): void => void this.cleared.push({ x, top, width, height });
  readonly moveTo = (): void => undefined;
  readonly lineTo = (): void => undefined;
  readonly beginPath = (): void => undefined;
  readonly stroke = (): void => undefined;
  readonly fill = (): void => undefined;
}

function beat(atS: number, beatClass = "N", change: Partial<LiveBeat> = {}): LiveBeat {
  return { patient: "p", device: "d", atMs: (FIRST_S + atS) * 1000, kind: "r_peak", class: beatClass, rrMs: 800, quality: 0.9, revision: 0, ...change };
}

describe("BeatMarks", () => {
  let lane: Lane;
  let ring: Ring;
  let marks: BeatMarks;
  let beats: Beats;

  const frame = (penS: number): Paper => {
    const paper = new Paper();
    const context = paper as unknown as CanvasRenderingContext2D;
    lane.draw(context, ring, HZ, Math.floor((FIRST_S + penS) * HZ));
    marks.draw(context, lane, beats, "d", HZ);
    return paper;
  };
  const x = (atS: number): number => lane.x((FIRST_S + atS) * HZ, HZ);

  beforeEach(() => {
    lane = new Lane(LOOK);
    lane.layout(WIDTH, 120, 4);
    ring = new Ring(HZ * 24);
    ring.write(FIRST_S * HZ, new Float32Array(HZ * 20).map((_, i) => Math.sin(i / 20)), 0, 1);
    marks = new BeatMarks();
    beats = new Beats();
    frame(8);
  });

  it("puts a letter where the time of the beat is, though the pen has passed", () => {
    beats.put(beat(6.5, "V"));
    const { letters, boxes } = frame(8.02);
    expect(letters).toEqual([["V", x(6.5)]]);
    expect(boxes).toBe(1);
    expect(frame(8.04).letters).toEqual([]); // once is enough
  });

  it("waits until the pen would not wipe half of it", () => {
    beats.put(beat(8.1));
    expect(frame(8.12).letters).toEqual([]);
    expect(frame(8.2).letters).toEqual([["N", x(8.1)]]);
  });

  it("wipes a letter whole before the gap takes half of it", () => {
    beats.put(beat(5));
    frame(8.02);
    const gapAt = 9 - lane.gapS; // the gap reaches the place of the beat with the next sweep
    const marginS = 8 / lane.pxPerS;
    expect(frame(gapAt - marginS - 0.02).cleared.some(({ x: from, width }) => from === x(5) - 8 && width === 16)).toBe(false);
    const { cleared, letters } = frame(gapAt - marginS + 0.02);
    expect(cleared).toContainEqual({ x: x(5) - 8, top: lane.stripTop, width: 16, height: 19 });
    expect(letters).toEqual([]);
    expect(frame(gapAt - marginS + 0.04).cleared.filter(({ width }) => width === 16)).toEqual([]); // once is enough
  });

  it("draws only R peaks of the device whose signal it is, and none of an older sweep", () => {
    for (const one of [beat(3.9), beat(7, "N", { device: "e" }), beat(7.1, "N", { kind: "pulse_foot" }), beat(7.2, "N", { quality: 0 }), beat(7.3, "S")]) beats.put(one);
    expect(frame(8.02).letters).toEqual([["S", x(7.3)]]);
  });

  it("draws its strip anew when a beat is judged again or taken back, and never the signal's place", () => {
    beats.put(beat(6));
    beats.put(beat(7));
    frame(8.02);
    expect(marks.drawn).toBe(2);
    beats.put(beat(7, "N", { revision: 1, quality: 0 }));
    beats.put(beat(6, "V", { revision: 1 }));
    const { letters, cleared } = frame(8.02);
    expect(letters).toEqual([["V", x(6)]]);
    expect(cleared).toEqual([{ x: 0, top: lane.stripTop, width: WIDTH, height: 120 - lane.stripTop }]);
  });

  it("leaves the strip to others while the picture stands still, and comes back", () => {
    beats.put(beat(7));
    frame(8.02);
    const paper = new Paper();
    marks.hide(paper as unknown as CanvasRenderingContext2D, lane);
    marks.hide(paper as unknown as CanvasRenderingContext2D, lane);
    expect(paper.cleared).toHaveLength(1);
    expect(frame(8.02).letters).toEqual([["N", x(7)]]);
  });

  it("has a dot for what nobody has judged, and for a class of a later version", () => {
    expect(["N", "S", "V", "F", "Q", "unclassified", "X"].map(letterOf).join("")).toBe("NSVFQ••");
  });
});
