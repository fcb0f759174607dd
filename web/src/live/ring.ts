/**
 * Samples of one channel by their number since 1970: slot = number modulo size.
 *
 * Allocated once. Samples may come with holes (NaN), twice or a little early; the newest wins.
 */
export class Ring {
  readonly #values: Float32Array;
  /** Number of the sample after the newest; -1 while empty. */
  end = -1;
  /** Number of the oldest sample that is kept. */
  start = -1;

  constructor(size: number) {
    this.#values = new Float32Array(size).fill(NaN);
  }

  get size(): number {
    return this.#values.length;
  }

  /** Value of a sample, NaN when it is missing or not kept. */
  at(number: number): number {
    if (number < this.start || number >= this.end) return NaN;
    return this.#values[number % this.#values.length] ?? NaN;
  }

  /** Take every `stride`th value of `samples` from `from` on, as samples number `first` and on. */
  write(first: number, samples: Float32Array, from: number, stride: number): void {
    const size = this.#values.length;
    const count = Math.ceil((samples.length - from) / stride);
    if (this.end < 0 || first - this.end > size || this.end - first > size) {
      this.#values.fill(NaN);
      this.start = this.end = first;
    }
    this.#bridge(first);
    for (let i = 0; i < count; i++) {
      const number = first + i;
      if (number < this.start) continue;
      this.#values[number % size] = samples[from + i * stride] ?? NaN;
    }
    this.end = Math.max(this.end, first + count);
    this.start = Math.max(this.start, this.end - size);
  }

  /** Fill what is missing before `first`; one sample is rounding of the times, not a hole. */
  #bridge(first: number): void {
    const size = this.#values.length;
    const held = first - this.end === 1 ? this.at(this.end - 1) : NaN;
    for (let number = this.end; number < first; number++) this.#values[number % size] = held;
    if (first > this.end) this.end = first;
  }
}
