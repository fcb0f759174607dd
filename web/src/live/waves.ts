/** Rings of all waveforms, filled by the socket, read by the traces. React never sees a sample. */
import type { Block } from "./binary";
import { Playout } from "./playout";
import { Ring } from "./ring";

/** Seconds kept: breathing sweeps slowly, a whole sweep must fit. */
const KEPT_S = 70;
const OTHER_DEVICE_MS = 5000;

export interface Wave {
  readonly patient: string;
  readonly stream: string;
  readonly device: string;
  readonly hz: number;
  readonly unit: string;
  readonly channels: readonly string[];
  readonly rings: readonly Ring[];
  readonly playout: Playout;
  heardMs: number;
}

export class WaveStore {
  readonly #waves = new Map<string, Wave>();
  readonly #playouts = new Map<string, Playout>();
  readonly #monotonic: () => number;
  #version = 0;

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** Grows when a wave appears or changes its shape. */
  get version(): number {
    return this.#version;
  }

  get(patient: string, stream: string): Wave | null {
    return this.#waves.get(`${patient}/${stream}`) ?? null;
  }

  /** Whether samples of this stream came within the last `withinS` seconds. */
  isHeard(patient: string, stream: string, withinS: number): boolean {
    const wave = this.get(patient, stream);
    return wave !== null && this.#monotonic() - wave.heardMs < withinS * 1000;
  }

  /** Seconds since samples of this stream came; null when none ever did. */
  silenceS(patient: string, stream: string): number | null {
    const wave = this.get(patient, stream);
    return wave === null ? null : (this.#monotonic() - wave.heardMs) / 1000;
  }

  receive(block: Block, serverNowMs: number): void {
    const { header } = block;
    const wave = this.#wave(block);
    if (wave === null) return;
    const channels = header.channels.length;
    const count = block.samples.length / channels;
    const first = Math.round((block.startUs * header.hz) / 1e6);
    for (let channel = 0; channel < channels; channel++) {
      wave.rings[channel]?.write(first, block.samples, channel, channels);
    }
    wave.heardMs = this.#monotonic();
    const endMs = block.startUs / 1000 + (count * 1000) / header.hz;
    wave.playout.observe(serverNowMs - endMs, (count * 1000) / header.hz, this.#monotonic());
  }

  #wave(block: Block): Wave | null {
    const { header } = block;
    const key = `${header.patient}/${header.stream}`;
    const held = this.#waves.get(key);
    if (held !== undefined) {
      const same = held.device === header.device;
      if (same && held.hz === header.hz && held.rings.length === header.channels.length) return held;
      // a second device with the same stream waits until the first one is silent
      if (!same && this.#monotonic() - held.heardMs < OTHER_DEVICE_MS) return null;
    }
    let playout = this.#playouts.get(header.patient);
    if (playout === undefined) this.#playouts.set(header.patient, (playout = new Playout()));
    const wave: Wave = {
      patient: header.patient,
      stream: header.stream,
      device: header.device,
      hz: header.hz,
      unit: header.unit,
      channels: header.channels,
      rings: header.channels.map(() => new Ring(Math.ceil(header.hz * KEPT_S))),
      playout,
      heardMs: this.#monotonic(),
    };
    this.#waves.set(key, wave);
    this.#version += 1;
    return wave;
  }
}
