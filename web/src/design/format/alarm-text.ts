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
}

/** `SpO₂ 84 < 88`, or the name of the condition where there is no limit. */
export function alarmMessage(alarm: AlarmFacts, decimals: number): string {
  const { measure, value, limit, relation } = alarm;
  if (measure === null || value === null || limit === null || relation === null) {
    return alarmName(alarm);
  }
  const short = vitalDisplay(measure).short;
  return `${short} ${formatValue(value, decimals)} ${relation} ${formatValue(limit, decimals)}`;
}

/** `SpO₂ low`. */
export function alarmName(alarm: AlarmFacts): string {
  const known = texts.alarm.conditions[alarm.condition];
  if (known !== undefined) return known;
  const words = alarm.condition.replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
