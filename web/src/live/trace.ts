/** One canvas with the lanes of one patient. */
import { Lane, type LaneLook } from "./lane";
import type { Ring } from "./ring";
import type { Wave, WaveStore } from "./waves";

const MOST_PIXEL_RATIO = 2;

export class Trace {
  readonly lanes: readonly Lane[];
  readonly #canvas: HTMLCanvasElement;
  readonly #store: WaveStore;
  readonly #patient: string;
  readonly #waves: (Wave | null)[];
  readonly #rings: (Ring | null)[];
  #context: CanvasRenderingContext2D | null = null;
  #version = -1;
  /** Off-screen traces leave the loop; they are drawn in full when they come back. */
  visible = true;
  frozen = false;

  constructor(canvas: HTMLCanvasElement, store: WaveStore, patient: string, looks: readonly LaneLook[]) {
    this.#canvas = canvas;
    this.#store = store;
    this.#patient = patient;
    this.lanes = looks.map((look) => new Lane(look));
    this.#waves = looks.map(() => null);
    this.#rings = looks.map(() => null);
  }

  resize(width: number, height: number): void {
    if (width < 4 || height < 4) return;
    const ratio = Math.min(MOST_PIXEL_RATIO, window.devicePixelRatio || 1);
    this.#canvas.width = Math.round(width * ratio);
    this.#canvas.height = Math.round(height * ratio);
    this.#context = this.#canvas.getContext("2d");
    this.#context?.setTransform(ratio, 0, 0, ratio, 0, 0);
    const style = getComputedStyle(document.documentElement);
    const pxPerMm = parseFloat(style.getPropertyValue("--px-per-mm")) || 3.7795;
    for (const lane of this.lanes) lane.layout(width, height, pxPerMm);
    this.recolor();
  }

  /** Take the inks of the theme and draw everything anew. */
  recolor(): void {
    const style = getComputedStyle(document.documentElement);
    for (const lane of this.lanes) {
      lane.color = style.getPropertyValue(lane.look.ink).trim() || "#888";
      lane.reset();
    }
  }

  redraw(): void {
    for (const lane of this.lanes) lane.reset();
  }

  frame(serverNowMs: number, frameMs: number): void {
    const context = this.#context;
    if (context === null || this.frozen || !this.visible || serverNowMs !== serverNowMs) return;
    if (this.#version !== this.#store.version) this.#lookUp();
    for (let i = 0; i < this.lanes.length; i++) {
      const wave = this.#waves[i];
      const lane = this.lanes[i];
      const ring = this.#rings[i];
      if (!wave || !ring || lane === undefined) continue;
      const pen = Math.floor((wave.playout.pen(serverNowMs, frameMs) * wave.hz) / 1000);
      lane.draw(context, ring, wave.hz, pen);
    }
  }

  #lookUp(): void {
    this.#version = this.#store.version;
    for (let i = 0; i < this.lanes.length; i++) {
      const lane = this.lanes[i];
      const wave = lane === undefined ? null : this.#store.get(this.#patient, lane.look.stream);
      if (wave === this.#waves[i]) continue;
      this.#waves[i] = wave;
      this.#rings[i] = wave === null || lane === undefined ? null : preferredRing(wave, lane.look.channels);
      lane?.reset();
    }
  }
}

function preferredRing(wave: Wave, names: readonly string[]): Ring | null {
  for (const name of names) {
    const index = wave.channels.indexOf(name);
    if (index >= 0) return wave.rings[index] ?? null;
  }
  return wave.rings[0] ?? null;
}
