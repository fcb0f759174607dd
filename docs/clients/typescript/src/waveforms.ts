/** Binary messages of the live socket to samples, and a ring that holds the newest of a trace. */
import type { WaveformHeader } from "./live-messages.ts";

const BLOCK = 0x01;
const BUNDLE = 0x02;
const MISSING = -32768;

/** Consecutive samples of one stream. */
export interface Block {
  readonly header: WaveformHeader;
  /** Time of the first sample, microseconds UTC. */
  readonly startUs: number;
  /** One array a channel, in the header's unit; NaN where a sample is missing. */
  readonly channels: readonly Float32Array[];
}

/** Reads the binary messages of one socket; handles are valid for that socket only. */
export class BlockReader {
  readonly #headers = new Map<number, WaveformHeader>();

  /** The blocks of a message; what cannot be read is passed over. */
  read(message: ArrayBuffer): Block[] {
    const view = new DataView(message);
    if (message.byteLength < 4) return [];
    if (view.getUint8(0) === BLOCK) return this.#block(view, 0, message.byteLength);
    if (view.getUint8(0) !== BUNDLE) return [];
    const blocks: Block[] = [];
    let at = 4;
    for (let left = view.getUint16(1, true); left > 0 && at + 4 <= message.byteLength; left--) {
      const length = view.getUint32(at, true);
      if (at + 4 + length > message.byteLength) break;
      blocks.push(...this.#block(view, at + 4, length));
      at += 4 + length + ((4 - (length % 4)) % 4);
    }
    return blocks;
  }

  #block(view: DataView, start: number, length: number): Block[] {
    const at = start + 3 + view.getUint16(start + 1, true);
    if (at > start + length) return [];
    const text = new TextDecoder().decode(new Uint8Array(view.buffer, start + 3, at - start - 3));
    const told = JSON.parse(text) as WaveformHeader | Pick<WaveformHeader, "s" | "t0" | "n">;
    if ("hz" in told) this.#headers.set(told.s, told);
    const header = this.#headers.get(told.s);
    if (header === undefined) return [];
    const width = header.channels.length;
    const channels = header.channels.map(() => new Float32Array(told.n));
    for (let place = 0; place < told.n * width; place++) {
      const raw = view.getInt16(at + 2 * place, true);
      const channel = channels[place % width];
      if (channel === undefined) continue;
      channel[Math.floor(place / width)] =
        raw === MISSING ? NaN : raw * header.scale + header.offset;
    }
    return [{ header, startUs: told.t0, channels }];
  }
}

/**
 * The newest seconds of one channel, by time: a hole stays NaN, what comes late or again lands in
 * its place, nothing is allocated while it runs.
 */
export class Ring {
  readonly hz: number;
  readonly values: Float32Array;
  #end = -Infinity; // index of the sample after the newest, counted from 1970

  constructor(hz: number, seconds: number) {
    this.hz = hz;
    this.values = new Float32Array(Math.ceil(hz * seconds)).fill(NaN);
  }

  put(startUs: number, samples: Float32Array): void {
    const size = this.values.length;
    const first = Math.round((startUs / 1e6) * this.hz);
    const end = first + samples.length;
    if (end > this.#end) {
      const from = Math.max(this.#end, end - size);
      for (let index = from; index < end; index++) this.values[index % size] = NaN;
      this.#end = end;
    }
    for (let place = 0; place < samples.length; place++) {
      if (first + place >= this.#end - size) this.values[(first + place) % size] = samples[place] ?? NaN;
    }
  }

  /** Calls with each sample of the ring, oldest first, and its age in seconds against the newest. */
  forEach(call: (value: number, ageS: number) => void): void {
    const size = this.values.length;
    if (this.#end === -Infinity) return;
    for (let index = this.#end - size; index < this.#end; index++) {
      call(this.values[index % size] ?? NaN, (this.#end - 1 - index) / this.hz);
    }
  }
}
