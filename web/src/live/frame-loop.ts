/** The one animation frame of the page; every trace draws in it. */
import type { ServerClock } from "./server-clock";
import type { Trace } from "./trace";

const KEPT_COSTS = 240;

export class FrameLoop {
  readonly #traces = new Set<Trace>();
  readonly #clock: ServerClock;
  readonly #costs = new Float32Array(KEPT_COSTS);
  #frames = 0;
  #request: number | null = null;

  constructor(clock: ServerClock) {
    this.#clock = clock;
  }

  add(trace: Trace): () => void {
    this.#traces.add(trace);
    this.#request ??= requestAnimationFrame(this.#step);
    return () => {
      this.#traces.delete(trace);
      if (this.#traces.size > 0 || this.#request === null) return;
      cancelAnimationFrame(this.#request);
      this.#request = null;
    };
  }

  /** Take the inks of the theme in every trace. */
  recolor(): void {
    for (const trace of this.#traces) trace.recolor();
  }

  /** Frames drawn so far and milliseconds of drawing in the last ones, for measurements. */
  costs(): { frames: number; ms: number[] } {
    return { frames: this.#frames, ms: Array.from(this.#costs.slice(0, Math.min(this.#frames, KEPT_COSTS))) };
  }

  readonly #step = (frameMs: number): void => {
    const began = performance.now();
    const nowMs = this.#clock.now();
    for (const trace of this.#traces) trace.frame(nowMs, frameMs);
    this.#costs[this.#frames % KEPT_COSTS] = performance.now() - began;
    this.#frames += 1;
    this.#request = requestAnimationFrame(this.#step);
  };
}
