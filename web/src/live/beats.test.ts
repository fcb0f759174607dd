import { describe, expect, it } from "vitest";

import { BeatStore } from "./beats";
import type { LiveBeat } from "./messages";

const T0 = 1_795_000_000_000;

function beat(atS: number, change: Partial<LiveBeat> = {}): LiveBeat {
  return { patient: "p", device: "d", atMs: T0 + atS * 1000, kind: "r_peak", class: "N", rrMs: 800, quality: 0.9, revision: 0, ...change };
}

function classes(store: BeatStore): string {
  return store.of("p").items.map((one) => (one.quality === 0 ? "-" : one.class[0])).join("");
}

describe("BeatStore", () => {
  it("keeps beats in order of time, whenever they are found", () => {
    const store = new BeatStore();
    store.receive([beat(1), beat(3, { class: "V" })]);
    store.receive([beat(2, { class: "S" })]);
    expect(classes(store)).toBe("NSV");
    expect(store.of("q").items).toEqual([]);
  });

  it("takes a class once it is judged, a higher revision, and what is taken back; not an older word", () => {
    const store = new BeatStore();
    store.receive([beat(1, { class: "unclassified" }), beat(2)]);
    store.receive([beat(1, { class: "V" })]);
    expect(classes(store)).toBe("VN");
    const { version } = store.of("p");
    store.receive([beat(1, { class: "N" }), beat(2)]);
    expect(classes(store)).toBe("VN");
    expect(store.of("p").version).toBe(version); // nothing is drawn anew for a repeat
    store.receive([beat(2, { revision: 1, quality: 0 }), beat(1, { revision: 1, class: "S" })]);
    store.receive([beat(2)]);
    expect(classes(store)).toBe("S-");
  });

  it("holds beats of two devices and pulses at one time apart", () => {
    const store = new BeatStore();
    store.receive([beat(1), beat(1, { device: "e" }), beat(1, { kind: "pulse_foot" })]);
    store.receive([beat(1), beat(1, { device: "e" }), beat(1, { kind: "pulse_foot" })]);
    expect(store.of("p").items).toHaveLength(3);
  });

  it("forgets what no sweep shows any more", () => {
    const store = new BeatStore();
    store.receive(Array.from({ length: 400 }, (_, i) => beat(i * 0.5)));
    expect(store.of("p").items).toHaveLength(151);
    store.receive([beat(-3600)]); // of long ago, from a device that was offline
    expect(store.of("p").items).toHaveLength(151);
  });
});
