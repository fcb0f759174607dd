/**
 * Which of several sources of one measure is shown: the one that alarms judge and history shows.
 *
 * The rule of `shared/contracts/preference.py` over its generated table; both pass the same cases.
 * Measures of the heart's rate come before one another in `session/readings.ts` (`rateMeasure`).
 */
import { PREFERENCES } from "../api/preferences";
import type { VitalItem } from "./messages";

const VALIDITY_RANK = { valid: 0, questionable: 1, stale: 2, absent: 3 } as const;
const BEHIND_ALL = 1000;
/** For a measure of a later version than this page. */
const UNKNOWN_WAITED_MS = 6000;

/** How old a value is by habit when it is told. */
export function lateS({ measure }: VitalItem): number {
  return PREFERENCES[measure]?.lateS ?? 0;
}

/** The best-ranked with a valid value, else a doubtful one, else one that says why there is none. */
export function preferred(sources: Iterable<VitalItem>): VitalItem | null {
  const all = [...sources];
  const newestMs = Math.max(...all.map(({ atMs }) => atMs));
  let best: VitalItem | null = null;
  for (const item of all) {
    const waitedMs = PREFERENCES[item.measure]?.waitedMs ?? UNKNOWN_WAITED_MS;
    if (newestMs - item.atMs > waitedMs) continue;
    if (best === null || isBetter(item, best)) best = item;
  }
  return best;
}

function isBetter(one: VitalItem, other: VitalItem): boolean {
  const difference =
    comparison(one) - comparison(other) || validity(one) - validity(other) || place(one) - place(other) || one.order - other.order;
  return difference < 0;
}

/** What is told for comparison takes nobody's place, not even of a source that has no value. */
function comparison({ measure, method }: VitalItem): number {
  return PREFERENCES[measure]?.methods[method]?.nature === "comparison" ? 1 : 0;
}

function validity(item: VitalItem): number {
  return VALIDITY_RANK[item.value === null ? "absent" : item.validity];
}

function place({ measure, method }: VitalItem): number {
  return PREFERENCES[measure]?.methods[method]?.place ?? BEHIND_ALL;
}
