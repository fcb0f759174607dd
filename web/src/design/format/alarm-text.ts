/** The message of an alarm: parameter, value, relation, limit. Never "abnormal". */
import { texts } from "../texts";
import { vitalDisplay } from "../vital-display";
import { formatValue } from "./numbers";

export interface AlarmFacts {
  readonly condition: string;
  readonly measure: string | null;
  readonly value: number | null;
  readonly limit: number | null;
  readonly relation: string | null;
  /** By which way the value was computed. */
  readonly method?: string | null | undefined;
  /** No sensor that sees the thing itself stands behind the value. */
  readonly derived?: boolean | undefined;
}

/** `SpO₂ 84 < 88`, `RR 36 > 30, derived from ECG`, or the name of the condition where there is no limit. */
export function alarmMessage(alarm: AlarmFacts, decimals: number): string {
  const derived = derivedText(alarm);
  const message = shortMessage(alarm, decimals);
  return derived === null ? message : `${message}, ${derived}`;
}

/** The same without what its value was derived from, which a small tile has no room for. */
export function shortMessage(alarm: AlarmFacts, decimals: number): string {
  const { measure, value, limit, relation } = alarm;
  if (measure === null || value === null || limit === null || relation === null) {
    return alarmName(alarm);
  }
  const short = vitalDisplay(measure).short;
  return `${short} ${formatValue(value, decimals)} ${relation} ${formatValue(limit, decimals)}`;
}

/** What its value was derived from, where nothing measured it directly: look at the patient first. */
export function derivedText({ derived, method }: Pick<AlarmFacts, "derived" | "method">): string | null {
  return derived === true ? texts.alarm.derived(texts.measure.sources[method ?? ""] ?? "") : null;
}

/** `SpO₂ low`. */
export function alarmName(alarm: AlarmFacts): string {
  const known = texts.alarm.conditions[alarm.condition];
  if (known !== undefined) return known;
  const words = alarm.condition.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
