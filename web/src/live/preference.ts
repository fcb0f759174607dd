/**
 * Which of several sources of one measure is shown. Decided here and nowhere else on the page.
 *
 * Measures of the heart's rate come before one another in `session/readings.ts` (`rateMeasure`).
 */
import type { VitalItem } from "./messages";

/** The least is shown: what rests on most, what stands alone, what we did not compute ourselves. */
const FIRST = 0;
const USUAL = 1;
const LAST = 2;
const RANKS: Readonly<Record<string, number>> = {
  ecg_beat_intervals: FIRST,
  respiration_fused: FIRST,
  ppg_spectrum: FIRST, // holds in motion; valid only with quality
  device: LAST,
  radar_published: LAST,
  motion_steps_published: LAST,
};
const VALIDITY_RANK = { valid: 0, questionable: 1, stale: 2, absent: 3 } as const;

/** A source is left for another one only when it has been silent for this long. */
const SILENT_MS = 5_000;
/** One that comes first is waited for a little longer, less than a value may be old. */
const SILENT_FIRST_MS = 6_000;
/** Better by more than this: two good sources do not take turns. */
const CLEARLY = 0.1;

/** What waits for the slowest of its sources is so much older than they are, by habit. */
const LATER_S: Readonly<Record<string, number>> = { respiration_fused: 5 };

export function laterS(method: string): number {
  return LATER_S[method] ?? 0;
}

/** Heard lately before silent, valid before doubtful, then by method, then by quality. */
export function preferred(sources: Iterable<VitalItem>): VitalItem | null {
  const all = [...sources];
  const newestMs = Math.max(...all.map(({ atMs }) => atMs));
  let best: VitalItem | null = null;
  for (const item of all) {
    const patienceMs = rank(item) === FIRST ? SILENT_FIRST_MS : SILENT_MS;
    if (newestMs - item.atMs > patienceMs) continue;
    if (best === null || isBetter(item, best)) best = item;
  }
  return best;
}

function isBetter(one: VitalItem, other: VitalItem): boolean {
  const validity = VALIDITY_RANK[one.validity] - VALIDITY_RANK[other.validity];
  if (validity !== 0) return validity < 0;
  const order = rank(one) - rank(other);
  if (order !== 0) return order < 0;
  return (one.quality ?? 0) > (other.quality ?? 0) + CLEARLY;
}

function rank({ method }: VitalItem): number {
  return RANKS[method] ?? USUAL;
}
