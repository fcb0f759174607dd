/** A session of forced breaths in words: what each breath is worth, what is expected, where it stands. */
import type { Blows } from "../../api/types";
import { formatQuantity, formatValue } from "../../design/format/numbers";
import { formatDay } from "../../design/format/times";
import { breathTexts as words } from "../../design/texts-breaths";
import type { LiveConnection } from "../../live/live-connection";

export type Blow = Blows["items"][number];
export type BlowSession = Blows["sessions"][number];
export type SessionResult = BlowSession["fev1"];
export type BlowValue = Blow["values"][number];
export type Standing = NonNullable<Blows["standing"]>;

const BLOWN = [
  "fev1", "fvc", "pef", "fef25", "fef50", "fef75", "fef25_75",
  "extrapolated_volume", "expiratory_time", "end_rise", "flow_regained",
] as const;
const BLOWN_KEYS: ReadonlySet<string> = new Set(BLOWN);

/** Whether a measure is of a forced breath: those stand on a card of their own. */
export function isBlown(measure: string): boolean {
  return BLOWN_KEYS.has(measure);
}

/** When the newest breath that came live was blown; 0 without one. */
export function newestBreathMs(live: LiveConnection, patient: string): number {
  return Math.max(0, ...BLOWN.map((measure) => live.vitals.shown(patient, measure)?.atMs ?? 0));
}

/** The breaths of a session, the newest first. */
export function breathsOf({ items }: Blows, session: BlowSession): readonly Blow[] {
  return items.filter(
    ({ t, device, method }) => device === session.device && method === session.method && session.start <= t && t <= session.end,
  );
}

export function valueOf({ values }: Blow, measure: string): BlowValue | null {
  return values.find((value) => value.measure === measure) ?? null;
}

/** `82 % of predicted, z −1.4`; of a ratio the lower limit says more than a percentage. */
export function expectationOf(value: BlowValue | null): string {
  if (value === null) return "";
  const { percent_predicted: percent, z_score: z, lower_limit: limit } = value;
  if (percent === null || z === null || limit === null) return words.noExpectation;
  if (value.unit === "1") return words.zOnly(formatValue(z, 1), formatValue(limit, 2));
  return words.ofPredicted(formatQuantity(percent, 0, "%"), formatValue(z, 1));
}

/** How well the breaths of a session agree. */
export function agreementOf({ grade, acceptable, apart_l: apart }: SessionResult): string {
  const apartMl = apart === null ? null : Math.round(apart * 1000);
  if (grade === null || acceptable === null) return apartMl === null ? "" : words.apart(apartMl);
  return words.agreement(acceptable, apartMl);
}

/** What a breath is worth, and why it is not worth more. */
export function verdictOf(blow: Blow): string {
  const { verdict } = blow;
  if (verdict === null) return words.untold;
  const faults = verdict.faults.map((fault) => faultOf(blow, fault)).join(", ");
  if (verdict.fev1 && verdict.fvc) return words.acceptable;
  if (verdict.fev1) return words.only(words.names.fev1, faults);
  return verdict.fvc ? words.only(words.names.fvc, faults) : words.unacceptable(faults);
}

function faultOf(blow: Blow, fault: NonNullable<Blow["verdict"]>["faults"][number]): string {
  switch (fault) {
    case "slow_start":
      return withVolume(fault, valueOf(blow, "extrapolated_volume"), words.atTimeZero);
    case "early_end":
      return withVolume(fault, valueOf(blow, "end_rise"), words.inLastSecond);
    case "cough":
      return words.faults.cough;
    default:
      return fault satisfies never;
  }
}

function withVolume(fault: "slow_start" | "early_end", volume: BlowValue | null, say: (volume: string) => string): string {
  const text = words.faults[fault];
  return volume === null ? text : `${text}, ${say(formatQuantity(volume.value, 2, volume.unit))}`;
}

/** The zone, or what it still takes. */
export function zoneOf({ zone, days, days_needed: needed }: Standing): string {
  return zone === null ? words.noZone(days, needed) : `${words.zones[zone]} ${words.zone}`;
}

/** `76 % of best, 462 L/min on Sat 20 Dec`. */
export function bestOf({ percent, personal_best: best, personal_best_t: t, unit, measure }: Standing): string {
  return words.ofBest(formatQuantity(percent, 0, "%"), formatQuantity(best, measure === "pef" ? 0 : 2, unit), t === null ? null : formatDay(Date.parse(t)));
}

const FLOWS = [
  ["fef25_75", words.flows.fef25_75],
  ["fef25", words.flows.fef25],
  ["fef50", words.flows.fef50],
  ["fef75", words.flows.fef75],
] as const;

/** The flows of the breath with the largest sum of FEV1 and FVC, as ATS/ERS 2019 reports them. */
export function flowsOf(breaths: readonly Blow[]): readonly string[] {
  const sum = (blow: Blow): number => (valueOf(blow, "fev1")?.value ?? 0) + (valueOf(blow, "fvc")?.value ?? 0);
  const counting = breaths.filter(({ verdict }) => verdict === null || (verdict.fev1 && verdict.fvc));
  const best = [...counting].sort((one, other) => sum(other) - sum(one))[0];
  if (best === undefined) return [];
  return FLOWS.flatMap(([measure, name]) => {
    const value = valueOf(best, measure);
    if (value === null) return [];
    const told = value.percent_predicted === null ? "" : ` (${expectationOf(value)})`;
    return [`${name} ${formatQuantity(value.value, 1, value.unit)}${told}`];
  });
}
