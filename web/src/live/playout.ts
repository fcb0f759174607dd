/**
 * Where the pen stands: the server's time minus a delay that hides the jitter of arrival.
 *
 * Samples come in blocks. Just before a block arrives, the newest sample is one block and one way
 * old; the pen must lag that much and a margin. The pen runs at the speed of time and only leans
 * gently towards its place (at most 10 %), so a trace neither stutters nor jumps; it jumps when it is
 * more than two seconds off. One pen a patient keeps all lanes in step.
 */
const MARGIN_MS = 150;
const MEMORY_MS = 15_000;
const LEAN = 0.1;
const JUMP_MS = 2000;
/** At first the rhythm of arrival is not known: the pen goes where it should be. */
const SETTLING_MS = 3000;
const LONGEST_DELAY_MS = 4000; // what comes later is drawn in bursts rather than all of it late

export class Playout {
  #needMs = 300;
  #needAtMs = 0;
  #nextNeedMs = 0;
  #penMs = NaN;
  #frameMs = NaN;
  #firstMs = NaN;

  /** A block came: its newest sample is `lagMs` old, it is `lengthMs` long. */
  observe(lagMs: number, lengthMs: number, monotonicMs: number): void {
    if (!Number.isFinite(lagMs)) return;
    if (Number.isNaN(this.#firstMs)) this.#firstMs = monotonicMs;
    const need = Math.min(LONGEST_DELAY_MS, Math.max(0, lagMs) + lengthMs);
    this.#nextNeedMs = Math.max(this.#nextNeedMs, need);
    if (need > this.#needMs) {
      this.#needMs = need;
      this.#needAtMs = monotonicMs;
    } else if (monotonicMs - this.#needAtMs > MEMORY_MS) {
      this.#needMs = this.#nextNeedMs;
      this.#nextNeedMs = 0;
      this.#needAtMs = monotonicMs;
    }
  }

  /** Time of the pen for this frame, ms UTC. The same for every lane of one frame. */
  pen(serverNowMs: number, frameMs: number): number {
    const target = serverNowMs - this.#needMs - MARGIN_MS;
    if (frameMs === this.#frameMs) return this.#penMs;
    const elapsed = frameMs - this.#frameMs;
    this.#frameMs = frameMs;
    const expected = this.#penMs + elapsed;
    const error = target - expected;
    const settled = frameMs - this.#firstMs > SETTLING_MS;
    if (!settled || !(Math.abs(error) < JUMP_MS)) this.#penMs = target;
    else this.#penMs = expected + Math.max(-LEAN * elapsed, Math.min(LEAN * elapsed, error));
    return this.#penMs;
  }
}
