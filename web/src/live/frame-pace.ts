/**
 * Whether every trace is drawn in every frame, or half of the calm ones by turns.
 *
 * A screen that does not keep up drops frames of all traces alike. Half the work a frame keeps the
 * frames coming: a calm trace moves 30 times a second then, one with an alarm as often as before.
 * Nothing is lost either way, since the place of a sample comes from its number.
 */
const BUDGET_MS = 22;
/** Longer ones are a hidden tab or a machine that slept, not drawing. */
const PAUSE_MS = 1000;
const WINDOW_FRAMES = 240;
const MOST_LATE = 0.05;
/** So long it stays halved before whole frames are tried again; twice as long after each try that failed. */
const FIRST_HOLD_MS = 30_000;
const LONGEST_HOLD_MS = 600_000;

export class FramePace {
  #lastMs = NaN;
  #frames = 0;
  #late = 0;
  #halvedMs = NaN;
  #holdMs = FIRST_HOLD_MS;

  get isHalved(): boolean {
    return !Number.isNaN(this.#halvedMs);
  }

  /** A frame begins at `frameMs`, in milliseconds of a clock that never goes back. */
  observe(frameMs: number): void {
    const elapsed = frameMs - this.#lastMs;
    this.#lastMs = frameMs;
    if (!(elapsed < PAUSE_MS)) return;
    if (this.isHalved) {
      if (frameMs - this.#halvedMs > this.#holdMs) this.#tryWhole();
      return;
    }
    this.#frames += 1;
    if (elapsed > BUDGET_MS) this.#late += 1;
    if (this.#late > MOST_LATE * WINDOW_FRAMES) this.#halve(frameMs);
    else if (this.#frames >= WINDOW_FRAMES) this.#succeed();
  }

  #halve(frameMs: number): void {
    this.#halvedMs = frameMs;
  }

  #tryWhole(): void {
    this.#halvedMs = NaN;
    this.#frames = this.#late = 0;
    this.#holdMs = Math.min(LONGEST_HOLD_MS, 2 * this.#holdMs);
  }

  /** A window within the budget: the next time that is late begins with a short hold. */
  #succeed(): void {
    this.#frames = this.#late = 0;
    this.#holdMs = FIRST_HOLD_MS;
  }
}
