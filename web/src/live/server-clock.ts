/**
 * The server's time, from its own messages and a monotonic local clock.
 *
 * The browser's wall clock plays no part, so it may be wrong by any amount. A message can only be
 * delayed, never early: the largest difference of the last minute is the best estimate.
 */
const KEPT = 60; // one observation a second: a minute

export class ServerClock {
  readonly #monotonic: () => number;
  readonly #offsets: number[] = [];
  #offset = NaN;

  constructor(monotonic: () => number) {
    this.#monotonic = monotonic;
  }

  /** Whether a time of the server was seen. */
  get known(): boolean {
    return this.#offsets.length > 0;
  }

  observe(serverMs: number): void {
    this.#offsets.push(serverMs - this.#monotonic());
    if (this.#offsets.length > KEPT) this.#offsets.shift();
    this.#offset = Math.max(...this.#offsets);
  }

  /** Milliseconds UTC; NaN until the first message of the server. */
  now(): number {
    return this.#monotonic() + this.#offset;
  }
}
