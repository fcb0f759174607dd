/**
 * The class of each beat as a letter under a sweeping ECG.
 *
 * A beat is found some seconds after the pen was there, so its letter goes where its time says, as
 * long as that sweep is seen. The letters have a strip of their own: the trace never comes there,
 * so that they can be drawn anew at any time. The frame allocates nothing.
 */
import type { Beats } from "./beats";
import type { Lane } from "./lane";

export const UNCLASSIFIED = "•";

export interface BeatInks {
  readonly plain: string;
  readonly box: string;
  readonly onBox: string;
  /** Of ventricular beats. */
  readonly strongBox: string;
  readonly onStrongBox: string;
  readonly font: string;
}

const HALF_PX = 8;
const BOX_PX = 16;
const ROUND_PX = 3;
const LETTERS: Readonly<Record<string, string>> = { N: "N", S: "S", V: "V", F: "F", Q: "Q" };

export function letterOf(beatClass: string): string {
  return LETTERS[beatClass] ?? UNCLASSIFIED;
}

export class BeatMarks {
  inks: BeatInks = { plain: "#888", box: "#333", onBox: "#fff", strongBox: "#0cf", onStrongBox: "#000", font: "600 12px sans-serif" };
  #version = -1;
  #redraws = -1;
  #untilMs = NaN;
  #oldestMs = NaN;
  #isHidden = false;
  /** Letters that were drawn since the strip was last cleared. */
  drawn = 0;

  /** Draw what is new, after the lane has drawn its samples; all of it where something changed. */
  draw(context: CanvasRenderingContext2D, lane: Lane, beats: Beats, device: string, hz: number): void {
    if (lane.last < 0) return;
    const marginMs = (HALF_PX * 1000) / lane.pxPerS;
    const untilMs = (lane.last * 1000) / hz - marginMs; // further on the pen would wipe half of it
    const anew = this.#isHidden || this.#version !== beats.version || this.#redraws !== lane.redraws;
    if (!anew && untilMs === this.#untilMs) return;
    const oldestMs = untilMs - (lane.sweepS - lane.gapS) * 1000 + 2 * marginMs;
    if (anew) {
      lane.clearStrip(context);
      this.drawn = 0;
    }
    const afterMs = anew ? oldestMs : this.#untilMs;
    const { items } = beats;
    for (let i = items.length - 1; i >= 0; i--) {
      const beat = items[i];
      if (beat === undefined || beat.atMs <= (anew ? oldestMs : this.#oldestMs)) break;
      if (beat.atMs > untilMs || beat.kind !== "r_peak" || beat.quality === 0 || beat.device !== device) continue;
      const x = lane.x((beat.atMs * hz) / 1000, hz);
      if (beat.atMs > afterMs) this.#letter(context, x, lane.stripTop, letterOf(beat.class));
      else if (beat.atMs <= oldestMs) lane.clearStrip(context, x - HALF_PX, BOX_PX); // half of it would be left
    }
    this.#version = beats.version;
    this.#redraws = lane.redraws;
    this.#untilMs = untilMs;
    this.#oldestMs = oldestMs;
    this.#isHidden = false;
  }

  /** Leave the strip to others. */
  hide(context: CanvasRenderingContext2D, lane: Lane): void {
    if (this.#isHidden) return;
    lane.clearStrip(context);
    this.drawn = 0;
    this.#isHidden = true;
  }

  #letter(context: CanvasRenderingContext2D, x: number, top: number, letter: string): void {
    const { inks } = this;
    const isStrong = letter === "V";
    const isBoxed = isStrong || letter === "S" || letter === "F";
    if (isBoxed) {
      context.fillStyle = isStrong ? inks.strongBox : inks.box;
      context.beginPath();
      context.roundRect(x - HALF_PX, top + 1, BOX_PX, BOX_PX, ROUND_PX);
      context.fill();
    }
    context.fillStyle = isStrong ? inks.onStrongBox : isBoxed ? inks.onBox : inks.plain;
    context.font = inks.font;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillText(letter, x, top + 1 + BOX_PX / 2);
    this.drawn += 1;
  }
}
