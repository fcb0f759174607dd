import { describe, expect, it } from "vitest";

import bundleHex from "../../../tests/contract/vectors/live/bundle.hex?raw";
import firstHex from "../../../tests/contract/vectors/live/first.hex?raw";
import nextHex from "../../../tests/contract/vectors/live/next.hex?raw";

import { BlockReader } from "./binary";

/** Bytes written out by hand from the format, not by a coder of ours. */
function bytes(...parts: (string | number[])[]): ArrayBuffer {
  const all = parts.flatMap((part) => (typeof part === "string" ? [...new TextEncoder().encode(part)] : part));
  return new Uint8Array(all).buffer;
}

const FULL = '{"id":"a","s":3,"patient":"p-7kd2m","device":"sim-1","stream":"ecg","t0":1700000000000000,"hz":250,"channels":["I","II"],"scale":0.001,"offset":0,"unit":"mV","n":2}';
const PADDED = FULL + " ".repeat((4 - ((3 + FULL.length) % 4)) % 4);
const HEAD = [0x01, PADDED.length & 0xff, PADDED.length >> 8];
// I: 1.000, missing; II: -1.000, 0.002, interleaved
const SAMPLES = [0xe8, 0x03, 0x18, 0xfc, 0x00, 0x80, 0x02, 0x00];
const SHORT = '{"s":3,"t0":1700000000008000,"n":1}';
const SHORT_PADDED = SHORT + " ".repeat((4 - ((3 + SHORT.length) % 4)) % 4);
const SHORT_BLOCK = [0x01, SHORT_PADDED.length, 0, ...new TextEncoder().encode(SHORT_PADDED), 0x01, 0x00, 0x02, 0x00];

/** The golden bytes of the live socket, written from the interface by another implementation. */
function golden(hex: string): ArrayBuffer {
  return new Uint8Array((hex.match(/[0-9a-f]{2}/g) ?? []).map((byte) => parseInt(byte, 16))).buffer;
}

describe("BlockReader", () => {
  it("reads the golden bytes", () => {
    const reader = new BlockReader();
    const [first] = reader.read(golden(firstHex));
    expect(first?.header).toMatchObject({ patient: "p-7kd2m", device: "ecg-0001", stream: "ecg", hz: 250, channels: ["I", "II"], scale: 0.001, unit: "mV" });
    expect([...(first?.samples ?? [])].map((value) => Math.round(value * 1000))).toEqual([1, -1, 32_767, NaN, 0, -32_767]);
    const [next] = reader.read(golden(nextHex));
    expect([next?.startUs, next?.samples.length]).toEqual([1_700_000_000_012_000, 2]);
    const bundled = reader.read(golden(bundleHex));
    expect(bundled.map(({ samples }) => samples.length)).toEqual([6, 2]); // the third is of a handle that nobody introduced
    expect(reader.refused).toBe(1);
  });

  it("reads a first block with its whole header", () => {
    const [block] = new BlockReader().read(bytes(HEAD, PADDED, SAMPLES));
    expect(block?.header).toMatchObject({ patient: "p-7kd2m", stream: "ecg", hz: 250, channels: ["I", "II"], unit: "mV" });
    expect(block?.startUs).toBe(1_700_000_000_000_000);
    expect([...(block?.samples ?? [])].map((value) => Math.round(value * 1000))).toEqual([1000, -1000, NaN, 2]);
  });

  it("reads short blocks of a handle that it knows", () => {
    const reader = new BlockReader();
    reader.read(bytes(HEAD, PADDED, SAMPLES));
    const [block] = reader.read(bytes(SHORT_BLOCK));
    expect(block?.header.device).toBe("sim-1");
    expect(block?.startUs).toBe(1_700_000_000_008_000);
    expect(block?.samples).toHaveLength(2);
  });

  it("reads a bundle, padding between its blocks included", () => {
    const first = [...new Uint8Array(bytes(HEAD, PADDED, SAMPLES))];
    const pad = new Array<number>((4 - (first.length % 4)) % 4).fill(0);
    const reader = new BlockReader();
    const blocks = reader.read(
      bytes([0x02, 2, 0, 0], [first.length & 0xff, first.length >> 8, 0, 0], first, pad, [SHORT_BLOCK.length, 0, 0, 0], SHORT_BLOCK),
    );
    expect(blocks.map((block) => block.startUs)).toEqual([1_700_000_000_000_000, 1_700_000_000_008_000]);
    expect(reader.refused).toBe(0);
  });

  it.each([
    ["a handle that was never introduced", bytes(SHORT_BLOCK)],
    ["an unknown kind", bytes([0x07, 0, 0, 0])],
    ["a header longer than the message", bytes([0x01, 0xff, 0xff, 0x20])],
    ["a header that is no JSON", bytes([0x01, 5, 0], "nope!")],
    ["a truncated bundle", bytes([0x02, 1, 0, 0], [200, 0, 0, 0], [1])],
    ["nothing", new ArrayBuffer(0)],
  ])("refuses %s and goes on", (_, message) => {
    const reader = new BlockReader();
    expect(reader.read(message)).toEqual([]);
    expect(reader.refused).toBe(1);
    expect(reader.read(bytes(HEAD, PADDED, SAMPLES))).toHaveLength(1);
  });
});
