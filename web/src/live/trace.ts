/** One canvas with the lanes of one patient. */
import { BeatMarks } from "./beat-marks";
import type { Beats } from "./beats";
import { Lane, type LaneLook } from "./lane";
import type { Ring } from "./ring";
import type { Wave, WaveStore } from "./waves";

const MOST_PIXEL_RATIO = 2;

export interface TraceSignal {
  readonly hz: number;
  readonly ring: Ring;
  readonly pen: number;
}

export class Trace {
  readonly lanes: readonly Lane[];
  readonly #canvas: HTMLCanvasElement;
  readonly #store: WaveStore;
  readonly #patient: string;
  readonly #waves: (Wave | null)[];
  readonly #rings: (Ring | null)[];
  readonly #beats: Beats | null;
  readonly #marks: (BeatMarks | null)[];
  #context: CanvasRenderingContext2D | null = null;
  #version = -1;
  /** Off-screen traces leave the loop; they are drawn in full when they come back. */
  visible = true;
  #frozenMs: number | null = null;
  #penMs = NaN;
  #width = 0;
  #height = 0;

  /** `beats`: those of the patient, for lanes that show their classes. */
  constructor(canvas: HTMLCanvasElement, store: WaveStore, patient: string, looks: readonly LaneLook[], beats: Beats | null = null) {
    this.#canvas = canvas;
    this.#store = store;
    this.#patient = patient;
    this.lanes = looks.map((look) => new Lane(look));
    this.#waves = looks.map(() => null);
    this.#rings = looks.map(() => null);
    this.#beats = beats;
    this.#marks = looks.map((look) => (look.beats === true ? new BeatMarks() : null));
  }

  /** Time of the pen, ms UTC; NaN before the first frame. */
  get penMs(): number {
    return this.#penMs;
  }

  /** Hold the pen where it was then; null lets it go. What is drawn meanwhile is of that time too. */
  freeze(penMs: number | null): void {
    if (this.#frozenMs === penMs) return;
    this.#frozenMs = penMs;
    if (penMs === null) this.redraw(); // what stands still is left as it was
  }

  /** What is drawn in a lane: its samples, their rate and the number under the pen. */
  signal(lane: number): TraceSignal | null {
    const wave = this.#waves[lane];
    const ring = this.#rings[lane];
    if (!wave || !ring || this.#penMs !== this.#penMs) return null;
    return { hz: wave.hz, ring, pen: Math.min(penNumber(this.#penMs, wave.hz), ring.end - 1) };
  }

  /** Lay out anew: a millimetre of the screen has another size. */
  relayout(): void {
    this.resize(this.#width, this.#height);
  }

  resize(width: number, height: number): void {
    if (width < 4 || height < 4) return;
    // whole pixels, as who measures on the picture takes them: a sweep counts from 1970, so that a
    // fraction of a pixel in its length would move its begin anywhere
    this.#width = Math.round(width);
    this.#height = height;
    const ratio = Math.min(MOST_PIXEL_RATIO, window.devicePixelRatio || 1);
    this.#canvas.width = Math.round(width * ratio);
    this.#canvas.height = Math.round(height * ratio);
    this.#context = this.#canvas.getContext("2d");
    this.#context?.setTransform(ratio, 0, 0, ratio, 0, 0);
    const style = getComputedStyle(document.documentElement);
    const pxPerMm = parseFloat(style.getPropertyValue("--px-per-mm")) || 3.7795;
    for (const lane of this.lanes) lane.layout(this.#width, height, pxPerMm);
    this.recolor();
  }

  /** Take the inks of the theme and draw everything anew. */
  recolor(): void {
    const style = getComputedStyle(document.documentElement);
    for (const lane of this.lanes) {
      lane.color = style.getPropertyValue(lane.look.ink).trim() || "#888";
      lane.reset();
    }
    for (const marks of this.#marks) if (marks !== null) marks.inks = inksOf(style);
  }

  redraw(): void {
    for (const lane of this.lanes) lane.reset();
  }

  frame(serverNowMs: number, frameMs: number): void {
    const context = this.#context;
    if (context === null || !this.visible || serverNowMs !== serverNowMs) return;
    if (this.#version !== this.#store.version) this.#lookUp();
    for (let i = 0; i < this.lanes.length; i++) {
      const wave = this.#waves[i];
      const lane = this.lanes[i];
      const ring = this.#rings[i];
      if (!wave || !ring || lane === undefined) continue;
      this.#penMs = this.#frozenMs ?? wave.playout.pen(serverNowMs, frameMs);
      lane.draw(context, ring, wave.hz, penNumber(this.#penMs, wave.hz));
      const marks = this.#marks[i];
      if (!marks || this.#beats === null) continue;
      if (this.#frozenMs === null) marks.draw(context, lane, this.#beats, wave.device, wave.hz);
      else marks.hide(context, lane);
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

function inksOf(style: CSSStyleDeclaration): BeatMarks["inks"] {
  const ink = (name: string, otherwise: string): string => style.getPropertyValue(name).trim() || otherwise;
  return {
    plain: ink("--text-2", "#888"),
    box: ink("--surface-3", "#333"),
    onBox: ink("--text", "#fff"),
    strongBox: ink("--a-low", "#0cf"),
    onStrongBox: ink("--a-low-on", "#000"),
    font: `600 12px ${ink("--font-ui", "sans-serif")}`,
  };
}

function penNumber(penMs: number, hz: number): number {
  return Math.floor((penMs * hz) / 1000);
}

function preferredRing(wave: Wave, names: readonly string[]): Ring | null {
  for (const name of names) {
    const index = wave.channels.indexOf(name);
    if (index >= 0) return wave.rings[index] ?? null;
  }
  return wave.rings[0] ?? null;
}
