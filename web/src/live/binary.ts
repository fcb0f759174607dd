/**
 * Binary messages of the live socket: blocks of samples, one (0x01) or several (0x02) a message.
 *
 * A block is `0x01 | header length u16 | JSON header, space-padded | int16 samples interleaved by
 * channel`, all little-endian; the samples begin at a multiple of four bytes from the block. The
 * first block of a handle carries the whole header, the next ones only `{s, t0, n}`.
 */

const BLOCK = 0x01;
const BUNDLE = 0x02;
const MISSING = -32768;
const BLOCK_HEAD_BYTES = 3;
const BUNDLE_HEAD_BYTES = 4;

export interface StreamHeader {
  readonly subscription: string;
  readonly patient: string;
  readonly device: string;
  readonly stream: string;
  readonly hz: number;
  readonly channels: readonly string[];
  readonly scale: number;
  readonly offset: number;
  readonly unit: string;
}

export interface Block {
  readonly header: StreamHeader;
  /** Time of the first sample, microseconds UTC. */
  readonly startUs: number;
  /** Physical values interleaved by channel, NaN where missing. */
  readonly samples: Float32Array<ArrayBuffer>;
}

/** Reads the binary messages of one connection; handles are valid for that connection only. */
export class BlockReader {
  readonly #handles = new Map<number, StreamHeader>();
  #refused = 0;

  /** Blocks that could not be read so far. */
  get refused(): number {
    return this.#refused;
  }

  read(message: ArrayBuffer): Block[] {
    const view = new DataView(message);
    if (message.byteLength < BUNDLE_HEAD_BYTES) return this.#refuse();
    const kind = view.getUint8(0);
    if (kind === BLOCK) {
      const block = this.#block(view, 0, message.byteLength);
      return block === null ? this.#refuse() : [block];
    }
    if (kind !== BUNDLE) return this.#refuse();
    const count = view.getUint16(1, true);
    const blocks: Block[] = [];
    let at = BUNDLE_HEAD_BYTES;
    for (let i = 0; i < count; i++) {
      if (at + 4 > message.byteLength) {
        this.#refused += 1;
        break;
      }
      const length = view.getUint32(at, true);
      at += 4;
      if (at + length > message.byteLength) {
        this.#refused += 1;
        break;
      }
      const block = this.#block(view, at, length);
      if (block === null) this.#refused += 1;
      else blocks.push(block);
      at += length + ((4 - (length % 4)) % 4);
    }
    return blocks;
  }

  #refuse(): Block[] {
    this.#refused += 1;
    return [];
  }

  #block(view: DataView, start: number, length: number): Block | null {
    if (length < BLOCK_HEAD_BYTES || view.getUint8(start) !== BLOCK) return null;
    const headerBytes = view.getUint16(start + 1, true);
    const samplesAt = start + BLOCK_HEAD_BYTES + headerBytes;
    if (samplesAt > start + length) return null;
    const text = new TextDecoder().decode(
      new Uint8Array(view.buffer, start + BLOCK_HEAD_BYTES, headerBytes),
    );
    const fields = parseObject(text);
    if (fields === null) return null;
    const handle = fields["s"];
    const startUs = fields["t0"];
    if (typeof handle !== "number" || typeof startUs !== "number") return null;
    if (typeof fields["hz"] === "number") {
      const introduced = streamHeader(fields);
      if (introduced === null) return null;
      this.#handles.set(handle, introduced);
    }
    const header = this.#handles.get(handle);
    if (header === undefined) return null;
    const count = Math.floor((start + length - samplesAt) / 2);
    if (count % header.channels.length !== 0) return null;
    return { header, startUs, samples: physical(view, samplesAt, count, header) };
  }
}

function physical(view: DataView, at: number, count: number, header: StreamHeader) {
  const samples = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const raw = view.getInt16(at + 2 * i, true);
    samples[i] = raw === MISSING ? NaN : raw * header.scale + header.offset;
  }
  return samples;
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : null;
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function streamHeader(fields: Record<string, unknown>): StreamHeader | null {
  const { id, patient, device, stream, hz, channels, scale, offset, unit } = fields;
  if (typeof patient !== "string" || typeof stream !== "string") return null;
  if (typeof hz !== "number" || !(hz > 0) || typeof scale !== "number") return null;
  if (!Array.isArray(channels) || channels.length === 0) return null;
  return {
    subscription: typeof id === "string" ? id : "",
    patient,
    device: typeof device === "string" ? device : "",
    stream,
    hz,
    channels: channels.map(String),
    scale,
    offset: typeof offset === "number" ? offset : 0,
    unit: typeof unit === "string" ? unit : "",
  };
}
