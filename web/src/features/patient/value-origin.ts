/** Where a value comes from, and what other sources say at the same time. */
import { formatQuantity, formatValue } from "../../design/format/numbers";
import type { Reading } from "../../design/measure";
import { texts } from "../../design/texts";
import { formatVital } from "../../design/vital-display";
import type { VitalItem } from "../../live/messages";
import type { Moment } from "../../session/readings";

const UNKNOWN_STALE_S = 10;
const FUSED = "respiration_fused";
const RR_APART = 4; // breaths a minute between sources: more is said

/**
 * Sources side by side, the shown one first: `sources differ: impedance 27 · radar 20`.
 *
 * A value made of several is no source beside those that it was made of: they stand for it.
 */
export function originOf(patient: string, reading: Reading, moment: Moment): string {
  const { live, linked } = moment;
  const measure = reading.vital.key;
  if (!linked || reading.value === null) return "";
  const shown = live.vitals.shown(patient, measure);
  const others = live.vitals.sources(patient, measure).filter((other) => other !== shown && other.method !== FUSED && isFresh(other, moment));
  const parts = [others.length === 0 ? sourceName(shown) : shown?.method === FUSED ? "" : withValue(shown, reading)];
  for (const other of others) parts.push(withValue(other, reading));
  if (measure === "spo2") parts.push(beside(patient, "perfusion_index", "PI", moment));
  if (measure === "heart_rate") parts.push(beside(patient, "pulse_rate", texts.measure.pulse, moment));
  const told = parts.filter((part) => part !== "").join(" · ");
  // before them: what does not fit the card is cut off at the end
  return measure === "respiration_rate" && differ([shown, ...others]) ? `${texts.patient.sourcesDiffer}: ${told}` : told;
}

function withValue(item: VitalItem | null, { vital, decimals }: Reading): string {
  if (item?.value == null) return "";
  return `${sourceName(item) || item.device} ${formatVital(vital, item.value, decimals)}`;
}

/** Another measure that belongs to this one. */
function beside(patient: string, measure: string, label: string, moment: Moment): string {
  const item = moment.live.vitals.shown(patient, measure);
  if (item?.value == null || !isFresh(item, moment)) return "";
  const row = moment.measures.get(measure);
  return `${label} ${row?.unit === "%" ? formatQuantity(item.value, row.decimals, "%") : formatValue(item.value, row?.decimals ?? 0)}`;
}

function isFresh(item: VitalItem, { measures, nowMs }: Moment): boolean {
  const staleMs = (measures.get(item.measure)?.stale_s ?? UNKNOWN_STALE_S) * 1000;
  return item.value !== null && nowMs - item.atMs <= staleMs;
}

function differ(items: readonly (VitalItem | null)[]): boolean {
  const values = items.flatMap((item) => (item?.value == null ? [] : [item.value]));
  return Math.max(...values) - Math.min(...values) > RR_APART;
}

function sourceName(item: VitalItem | null): string {
  return texts.measure.sources[item?.method ?? ""] ?? "";
}
