import { describe, expect, it } from "vitest";

import { Ring } from "./ring";

const of = (...values: number[]): Float32Array => new Float32Array(values);
const read = (ring: Ring, from: number, count: number): number[] => Array.from({ length: count }, (_, i) => ring.at(from + i));

describe("Ring", () => {
  it("takes every nth value of interleaved samples", () => {
    const ring = new Ring(8);
    ring.write(100, of(1, 10, 2, 20, 3, 30), 1, 2);
    expect(read(ring, 100, 3)).toEqual([10, 20, 30]);
    expect([ring.start, ring.end]).toEqual([100, 103]);
  });

  it("keeps the newest and forgets the rest", () => {
    const ring = new Ring(4);
    ring.write(0, of(0, 1, 2, 3), 0, 1);
    ring.write(4, of(4, 5), 0, 1);
    expect(read(ring, 0, 6)).toEqual([NaN, NaN, 2, 3, 4, 5]);
  });

  it("leaves a hole where samples are missing", () => {
    const ring = new Ring(16);
    ring.write(0, of(1, 2), 0, 1);
    ring.write(5, of(6), 0, 1);
    expect(read(ring, 0, 6)).toEqual([1, 2, NaN, NaN, NaN, 6]);
  });

  it("holds over a single sample that rounding of the times left out", () => {
    const ring = new Ring(16);
    ring.write(0, of(1, 2), 0, 1);
    ring.write(3, of(4), 0, 1);
    expect(read(ring, 0, 4)).toEqual([1, 2, 2, 4]);
  });

  it("takes samples that come again or late without moving its end", () => {
    const ring = new Ring(16);
    ring.write(0, of(1, 2, 3, 4), 0, 1);
    ring.write(1, of(20, 30), 0, 1);
    expect(read(ring, 0, 4)).toEqual([1, 20, 30, 4]);
    expect(ring.end).toBe(4);
  });

  it("begins anew after a leap longer than itself, forwards and backwards", () => {
    const ring = new Ring(4);
    ring.write(1_000_000, of(1), 0, 1);
    ring.write(2_000_000, of(2), 0, 1);
    expect([ring.start, ring.end, ring.at(2_000_000)]).toEqual([2_000_000, 2_000_001, 2]);
    ring.write(10, of(3), 0, 1);
    expect([ring.start, ring.end, ring.at(10)]).toEqual([10, 11, 3]);
  });

  it("works with sample numbers since 1970", () => {
    const ring = new Ring(250 * 24);
    const number = Math.round((1_795_000_000_000_000 * 250) / 1e6);
    ring.write(number, of(0.5), 0, 1);
    expect(ring.at(number)).toBe(0.5);
  });

  it("keeps only the end of a write that is longer than itself", () => {
    const ring = new Ring(3);
    ring.write(0, of(1, 2, 3, 4, 5), 0, 1);
    expect(read(ring, 0, 5)).toEqual([NaN, NaN, 3, 4, 5]);
  });
});
