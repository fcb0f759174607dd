/**
 * One sweeping trace: the picture stands still, a gap moves over it.
 *
 * The place of a sample comes from its number, never from the time of the frame: a frame that is
 * dropped loses nothing. Between full redraws only the gap and the new piece are touched. No
 * allocation here: this runs in every animation frame of every trace.
 */
import type { Ring } from "./ring";

export interface LaneLook {
  readonly stream: string;
  /** Which channel, by name, the first that the device has; its first channel otherwise. */
  readonly channels: readonly string[];
  /** CSS custom property of the ink. */
  readonly ink: string;
  /** Share of the canvas, from the top. */
  readonly top: number;
  readonly height: number;
  readonly mmPerS: number;
  /** Millimetres per unit of the signal; null fits the swing of the last sweep. */
  readonly mmPerUnit: number | null;
  /** Where the mean of a fixed-scale signal stands, from the top of the lane. */
  readonly baseline?: number;
  /** Light that falls when blood comes is drawn upwards. */
  readonly inverted?: boolean;
  /** Allow a fixed scale to shrink so that this many units fit the lane. */
  readonly fitUnits?: number;
  readonly width?: number;
  /** Keep a strip under the signal for the class of each beat. */
  readonly beats?: boolean;
}

const ERASE_S = 0.04;
const ERASE_PX = 8;
const EDGE_PX = 3;
const STRIP_PX = 19;
const ROOM = 0.92;
const BASELINE_S = 6;
/** A scale that rests on less signal than this is made anew whenever there is twice as much. */
const MOMENT_S = 0.25;
const ENOUGH_S = 4;
const ENOUGH_SLOW_S = 12;
const SLOW_MM_PER_S = 12.5;
/** Signal that lies so long beyond the lane since the last fit is no artefact: the scale is wrong. */
const BEYOND_S = 0.3;
/** A scale that was wrong is not made anew more often. */
const REFIT_S = 1;
/** From sweep to sweep a scale magnifies at most so much: silence must not grow into a signal. */
const LEAST_OF_SWING = 0.5;

export class Lane {
  readonly look: LaneLook;
  color = "#fff";
  #width = 0;
  #top = 0;
  #height = 0;
  #strip = 0;
  #redraws = 0;
  #pxPerMm = 3.78;
  #pxPerS = 94;
  #sweepS = 1;
  #last = -1;
  #sweep = -1;
  #centre = NaN;
  #pxPerUnit = 1;
  #zero = 0;
  #fittedS = 0;
  #swing = 0;
  /** Samples drawn at the edge since the last fit, and how many of them in the redraw with it. */
  #beyond = 0;
  #beyondAnyway = 0;
  /** What was drawn whole last does not fit the lane: at a true scale nothing helps. */
  #isTooTall = false;
  #fittedAt = -1;

  constructor(look: LaneLook) {
    this.look = look;
  }

  /** Seconds of signal that fit the width. */
  get sweepS(): number {
    return this.#sweepS;
  }

  get pxPerS(): number {
    return this.#pxPerS;
  }

  /** Seconds ahead of the pen that are wiped. */
  get gapS(): number {
    return Math.max(ERASE_S, ERASE_PX / this.#pxPerS);
  }

  /** Where the strip under the signal begins. */
  get stripTop(): number {
    return this.#top + this.#height;
  }

  /** How often all was drawn anew. */
  get redraws(): number {
    return this.#redraws;
  }

  /** Number of the newest sample that is drawn, -1 for none. */
  get last(): number {
    return this.#last;
  }

  layout(width: number, height: number, pxPerMm: number): void {
    this.#width = width;
    this.#top = Math.round(this.look.top * height);
    this.#strip = this.look.beats === true ? STRIP_PX : 0;
    this.#height = Math.round(this.look.height * height) - this.#strip;
    this.#pxPerMm = pxPerMm;
    this.#pxPerS = pxPerMm * this.look.mmPerS;
    this.#sweepS = width / this.#pxPerS;
    this.reset();
  }

  /** Draw everything anew with the next frame. */
  reset(): void {
    this.#last = -1;
    this.#sweep = -1;
  }

  /** Wipe the strip under the signal, or a piece of it. */
  clearStrip(context: CanvasRenderingContext2D, left = 0, width = this.#width): void {
    context.clearRect(left, this.stripTop, width, this.#strip);
  }

  x(number: number, hz: number): number {
    const t = number / hz;
    return (t - Math.floor(t / this.#sweepS) * this.#sweepS) * this.#pxPerS;
  }

  /** Draw up to `pen` (a sample number) or to the end of what has come. */
  draw(context: CanvasRenderingContext2D, ring: Ring, hz: number, pen: number): void {
    const to = Math.min(pen, ring.end - 1);
    const sweepSamples = this.#sweepS * hz;
    const { gapS } = this;
    const knownS = (to - ring.start) / hz;
    if (this.#fittedS < this.#enoughS && knownS >= Math.min(this.#enoughS, 2 * this.#fittedS)) {
      this.#swing = 0; // what little was known says nothing about how large the signal is
      this.reset();
    }
    if (this.#isWrong(hz) && to - this.#fittedAt > REFIT_S * hz) this.reset();
    const full = this.#last < 0 || to - this.#last > sweepSamples;
    if (!full && to <= this.#last) return;
    let from = this.#last;
    if (full) {
      from = Math.max(ring.start, Math.ceil(to - (this.#sweepS - gapS) * hz));
      context.clearRect(0, this.#top, this.#width, this.#height + this.#strip);
      this.#redraws += 1;
      if (to < from) return;
      this.#sweep = -1;
    } else {
      this.#erase(context, from, to, hz, gapS);
    }
    context.strokeStyle = this.color;
    context.lineWidth = this.look.width ?? 1.6;
    context.lineJoin = "round";
    context.lineCap = "round";
    if (full) this.#fit(ring, hz, to);
    this.#stroke(context, ring, hz, from, to, full);
    if (full) {
      this.#beyondAnyway = this.#beyond;
      this.#isTooTall = this.#beyond > 0;
    }
    this.#last = to;
  }

  /** More lies beyond the lane than when the scale was made: another one would show it. */
  #isWrong(hz: number): boolean {
    return this.#beyond - this.#beyondAnyway > BEYOND_S * hz && !(this.#isTooTall && this.look.mmPerUnit !== null);
  }

  get #enoughS(): number {
    return this.look.mmPerS < SLOW_MM_PER_S ? ENOUGH_SLOW_S : ENOUGH_S;
  }

  #erase(context: CanvasRenderingContext2D, from: number, to: number, hz: number, gapS: number): void {
    const start = this.x(from, hz) + 1;
    const length = ((to - from) / hz + gapS) * this.#pxPerS;
    const height = this.#height + this.#strip;
    context.clearRect(start, this.#top, Math.min(length, this.#width - start), height);
    const wrapped = start + length - this.#width;
    if (wrapped > 0) context.clearRect(0, this.#top, wrapped, height);
  }

  #stroke(context: CanvasRenderingContext2D, ring: Ring, hz: number, from: number, to: number, full: boolean): void {
    const top = this.#top + 1;
    const bottom = this.#top + this.#height - 1;
    let down = false;
    context.beginPath();
    for (let number = from; number <= to; number++) {
      const t = number / hz;
      const sweep = Math.floor(t / this.#sweepS);
      if (sweep !== this.#sweep) {
        this.#sweep = sweep;
        if (!full) this.#fit(ring, hz, number);
        down = false;
      }
      const value = ring.at(number);
      if (value !== value) {
        down = false;
        continue;
      }
      const x = (t - sweep * this.#sweepS) * this.#pxPerS;
      const wanted = this.#y(value);
      const y = Math.min(bottom, Math.max(top, wanted));
      if (wanted !== y) this.#beyond += 1;
      if (down) context.lineTo(x, y);
      else context.moveTo(x, y);
      down = true;
    }
    context.stroke();
  }

  #y(value: number): number {
    return this.#zero - (value - this.#centre) * this.#pxPerUnit;
  }

  /** Scale and centre stay as they are for a whole sweep, so nothing is distorted on the way. */
  #fit(ring: Ring, hz: number, at: number): void {
    const span = this.look.mmPerUnit === null ? Math.max(BASELINE_S, this.#sweepS) : BASELINE_S;
    let n = 0;
    let sum = 0;
    let squares = 0;
    let low = Infinity;
    let high = -Infinity;
    const reference = Number.isNaN(this.#centre) ? ring.at(at) || 0 : this.#centre;
    for (let number = Math.max(ring.start, at - Math.ceil(span * hz)); number <= at; number++) {
      const value = ring.at(number);
      if (value !== value) continue;
      n += 1;
      sum += value - reference;
      squares += (value - reference) * (value - reference);
      if (value < low) low = value;
      if (value > high) high = value;
    }
    if (n === 0) return;
    this.#beyond = this.#beyondAnyway = 0;
    this.#fittedAt = at;
    this.#fittedS = Math.max(MOMENT_S, (at - ring.start) / hz);
    const mean = sum / n;
    if (this.look.mmPerUnit !== null) this.#fixScale(reference + mean, low, high, this.look.mmPerUnit);
    else this.#fitScale(reference + mean, Math.sqrt(Math.max(0, squares / n - mean * mean)), low, high);
  }

  /** True size; the baseline moves only as far as the signal needs to stay inside the lane. */
  #fixScale(mean: number, low: number, high: number, mmPerUnit: number): void {
    const room = this.#height * ROOM;
    this.#centre = mean;
    this.#pxPerUnit = this.#pxPerMm * mmPerUnit;
    const fit = this.look.fitUnits;
    if (fit !== undefined) this.#pxPerUnit = Math.min(this.#pxPerUnit, room / Math.max(fit, high - low));
    const margin = (this.#height - room) / 2;
    const highest = margin + (high - mean) * this.#pxPerUnit;
    const lowest = this.#height - margin + (low - mean) * this.#pxPerUnit;
    const wanted = this.#height * (this.look.baseline ?? 0.66);
    this.#zero = this.#top + Math.max(highest, Math.min(lowest, wanted));
  }

  /** The swing of the signal, without its outliers, over the height of the lane. */
  #fitScale(mean: number, deviation: number, low: number, high: number): void {
    const floor = Math.max(low, mean - 3 * deviation);
    const ceiling = Math.min(high, mean + 3 * deviation);
    this.#zero = this.#top + this.#height / 2;
    this.#centre = (floor + ceiling) / 2;
    const swing = Math.max(ceiling - floor, this.#swing * LEAST_OF_SWING);
    if (!(swing > 0)) return;
    this.#swing = swing;
    const sign = this.look.inverted === true ? -1 : 1;
    this.#pxPerUnit = (sign * (this.#height - 2 * EDGE_PX)) / (swing * 1.12);
  }
}
