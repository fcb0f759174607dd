/** Measuring time on a sweep that stands still. Places are samples, so that nothing is rounded. */

export interface Sweep {
  readonly hz: number;
  /** Number of the sample under the pen: none is newer, one sweep before is the oldest. */
  readonly pen: number;
  readonly width: number;
  readonly pxPerS: number;
}

export interface Samples {
  at(number: number): number;
}

const LEAST_BEAT_S = 0.3; // 200 a minute
const PEAK_SHARE = 0.6; // of the swing: R peaks rise above, T waves seldom
const NEAR_PEN_S = 0.3;
const LOOK_S = 6;
const FALLBACK_S = [1.5, 0.7] as const;

export function xOf(number: number, { hz, width, pxPerS }: Sweep): number {
  const sweepS = width / pxPerS;
  const t = number / hz;
  return (t - Math.floor(t / sweepS) * sweepS) * pxPerS;
}

/** The sample that is drawn at a place: right of the pen it is one sweep older. */
export function numberAt(x: number, sweep: Sweep): number {
  const { hz, pen, width, pxPerS } = sweep;
  const behind = (((xOf(pen, sweep) - x) % width) + width) % width;
  return pen - Math.round((behind / pxPerS) * hz);
}

/** Keep a place on the picture. */
export function onSweep(number: number, { hz, pen, width, pxPerS }: Sweep): number {
  const oldest = pen - Math.floor((width / pxPerS) * hz) + 1;
  return Math.min(pen, Math.max(oldest, number));
}

/** The last two peaks: where one would put the lines by hand. */
export function lastPeaks(samples: Samples, sweep: Sweep): [number, number] {
  const { hz, pen, width, pxPerS } = sweep;
  const from = pen - Math.floor(Math.min(LOOK_S, (width / pxPerS) * 0.8) * hz);
  const to = pen - Math.ceil(NEAR_PEN_S * hz);
  let low = Infinity;
  let high = -Infinity;
  for (let number = from; number <= to; number++) {
    const value = samples.at(number);
    if (value < low) low = value;
    if (value > high) high = value;
  }
  const threshold = low + (high - low) * PEAK_SHARE;
  const peaks: number[] = [];
  for (let number = to; number >= from && peaks.length < 2; number--) {
    const value = samples.at(number);
    if (!(value >= threshold) || high === low) continue;
    let top = number;
    while (number > from && samples.at(number - 1) >= threshold) {
      number -= 1;
      if (samples.at(number) > samples.at(top)) top = number;
    }
    const later = peaks.at(-1);
    if (later === undefined || later - top >= LEAST_BEAT_S * hz) peaks.push(top);
  }
  const [later, earlier] = peaks;
  if (later === undefined || earlier === undefined) {
    return [pen - Math.round(FALLBACK_S[0] * hz), pen - Math.round(FALLBACK_S[1] * hz)];
  }
  return [earlier, later];
}

/** Milliseconds between two samples, and how often a minute that would be; 0 for no distance. */
export function distance(one: number, other: number, hz: number): { ms: number; rate: number } {
  const ms = (Math.abs(one - other) * 1000) / hz;
  return { ms: Math.round(ms), rate: ms === 0 ? 0 : Math.round(60_000 / ms) };
}
