/** The newest vital signs of each patient, by source, and which of them is shown. */
import type { VitalItem } from "./messages";
import { preferred } from "./preference";

export interface LastNumber {
  readonly value: number;
  readonly atMs: number;
}

interface Kept {
  newest: VitalItem;
  lastNumber: LastNumber | null;
}

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

  /** The source that is shown, by `preferred`. */
  shown(patient: string, measure: string): VitalItem | null {
    return preferred(this.sources(patient, measure));
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

  /** Time of the newest word on a patient: a number, or that there is none. */
  heardMs(patient: string): number | null {
    let heard: number | null = null;
    for (const sources of this.#patients.get(patient)?.values() ?? []) {
      for (const { newest } of sources.values()) if (heard === null || newest.atMs > heard) heard = newest.atMs;
    }
    return heard;
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
