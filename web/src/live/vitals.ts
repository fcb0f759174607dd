/** The newest vital signs of each patient, by source, and which of them is shown. */
import type { VitalItem } from "./messages";

export interface LastNumber {
  readonly value: number;
  readonly atMs: number;
}

interface Kept {
  newest: VitalItem;
  lastNumber: LastNumber | null;
}

/** A source is left for a better one only when it has been silent for this long. */
const PREFERENCE_MS = 5000;
const VALIDITY_RANK = { valid: 0, questionable: 1, stale: 2, absent: 3 } as const;

export class VitalStore {
  readonly #patients = new Map<string, Map<string, Map<string, Kept>>>();

  receive(items: readonly VitalItem[]): void {
    for (const item of items) {
      const sources = this.#sources(item.patient, item.measure);
      const key = `${item.device}|${item.method}`;
      const kept = sources.get(key);
      if (kept === undefined) {
        sources.set(key, { newest: item, lastNumber: numberOf(item) });
        continue;
      }
      const older = item.atMs < kept.newest.atMs;
      const outdated = item.atMs === kept.newest.atMs && item.revision < kept.newest.revision;
      if (older || outdated) continue;
      kept.newest = item;
      kept.lastNumber = numberOf(item) ?? kept.lastNumber;
    }
  }

  /** The source that is shown: fresh before old, valid before doubtful, then the better quality. */
  shown(patient: string, measure: string): VitalItem | null {
    const sources = this.#patients.get(patient)?.get(measure);
    if (sources === undefined) return null;
    let best: VitalItem | null = null;
    for (const { newest } of sources.values()) {
      if (best === null || isBetter(newest, best)) best = newest;
    }
    return best;
  }

  /** The newest number of any source, for "was 97". */
  lastNumber(patient: string, measure: string): LastNumber | null {
    const sources = this.#patients.get(patient)?.get(measure);
    if (sources === undefined) return null;
    let last: LastNumber | null = null;
    for (const { lastNumber } of sources.values()) {
      if (lastNumber !== null && (last === null || lastNumber.atMs > last.atMs)) last = lastNumber;
    }
    return last;
  }

  /** Every source of a measure, in the order of their first value. */
  sources(patient: string, measure: string): VitalItem[] {
    const sources = this.#patients.get(patient)?.get(measure);
    return sources === undefined ? [] : [...sources.values()].map(({ newest }) => newest);
  }

  /** Every measure of which a patient has had a value, in the order of their first. */
  measures(patient: string): string[] {
    return [...(this.#patients.get(patient)?.keys() ?? [])];
  }

  /** Time of the newest value of a patient, of whatever measure. */
  newestMs(patient: string): number | null {
    let newest: number | null = null;
    for (const sources of this.#patients.get(patient)?.values() ?? []) {
      for (const kept of sources.values()) {
        const at = kept.lastNumber?.atMs;
        if (at !== undefined && (newest === null || at > newest)) newest = at;
      }
    }
    return newest;
  }

  #sources(patient: string, measure: string): Map<string, Kept> {
    let measures = this.#patients.get(patient);
    if (measures === undefined) this.#patients.set(patient, (measures = new Map<string, Map<string, Kept>>()));
    let sources = measures.get(measure);
    if (sources === undefined) measures.set(measure, (sources = new Map<string, Kept>()));
    return sources;
  }
}

function numberOf(item: VitalItem): LastNumber | null {
  const shown = item.validity === "valid" || item.validity === "questionable";
  return shown && item.value !== null ? { value: item.value, atMs: item.atMs } : null;
}

function isBetter(one: VitalItem, other: VitalItem): boolean {
  if (Math.abs(one.atMs - other.atMs) > PREFERENCE_MS) return one.atMs > other.atMs;
  const rank = VALIDITY_RANK[one.validity] - VALIDITY_RANK[other.validity];
  if (rank !== 0) return rank < 0;
  return (one.quality ?? 0) > (other.quality ?? 0) + 0.1;
}
