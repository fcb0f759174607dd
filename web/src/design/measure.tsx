/**
 * A vital sign on the page: the only component that shows one, so none is ever shown without its
 * unit, its age and its validity.
 */
import type { ReactNode } from "react";

import { formatValue } from "./format/numbers";
import { formatAge, formatTimeOfDay } from "./format/times";
import hidden from "./hidden.module.css";
import { type Priority, QualityBars } from "./marks";
import styles from "./measure.module.css";
import { texts } from "./texts";
import { formatVital, type VitalDisplay } from "./vital-display";

export type ValueState = "fresh" | "ageing" | "unsure" | "stale" | "off" | "none" | "lost";

export interface Reading {
  readonly vital: VitalDisplay;
  readonly decimals: number;
  readonly unit: string;
  readonly state: ValueState;
  readonly value: number | null;
  readonly ageS: number | null;
  readonly last: { readonly value: number; readonly atMs: number } | null;
  readonly reason: string | null;
  readonly limits: { readonly low: number | null; readonly high: number | null } | null;
  readonly alarm: ReadingAlarm | null;
  /** Signal quality, 0 to 4 bars, where it is to be shown. */
  readonly bars?: number;
}

export interface ReadingAlarm {
  readonly priority: Priority;
  readonly loudness: "active" | "silenced" | "acknowledged";
  readonly relation: string | null;
}

interface Properties {
  readonly reading: Reading;
  readonly look: "cell" | "card";
  readonly testId: string;
  /** On a card, behind the value: its last minutes. */
  readonly children?: ReactNode;
  /** On a card, under the value: where it comes from. */
  readonly origin?: string;
}

export function Measure({ reading, look, testId, children, origin = "" }: Properties) {
  const { vital, state, alarm } = reading;
  const note = noteOf(reading, look);
  return (
    <div
      className={styles[look]}
      style={{ "--ink": `var(${vital.ink})` }}
      data-measure={vital.key}
      data-state={state}
      data-words={vital.words !== undefined || undefined}
      data-priority={alarm?.priority}
      data-loudness={alarm?.loudness}
      data-testid={testId}
      role={look === "card" ? "group" : undefined}
      aria-label={look === "card" ? vital.name : undefined}
    >
      <span className={styles["label"]}>
        <b>{vital.short}</b>
        {look === "card" && reading.value !== null && reading.bars !== undefined && <QualityBars bars={reading.bars} />}
        {look === "card" ? <span>{reading.unit}</span> : <i>{limitsText(reading)}</i>}
      </span>
      <span className={styles["middle"]}>
        <span className={styles["value"]} data-value>
          {state === "unsure" && (
            <sup>
              ?<span className={hidden["hidden"]}>{texts.measure.unsure}</span>
            </sup>
          )}
          {formatVital(vital, reading.value, reading.decimals)}
          {look === "cell" && <span className={hidden["hidden"]}> {reading.unit}</span>}
        </span>
        {look === "card" && <LimitPair reading={reading} />}
        {look === "card" && children}
      </span>
      {(note !== null || look === "card") && (
        <span className={styles["note"]}>
          {note !== null && <i data-amber={state === "ageing" || state === "unsure"}>{note}</i>}
          {origin}
        </span>
      )}
    </div>
  );
}

function LimitPair({ reading }: { readonly reading: Reading }) {
  const { limits, decimals, alarm } = reading;
  if (limits === null) return null;
  return (
    <span className={styles["limits"]}>
      <i data-over={alarm?.relation === ">"}>{limits.high === null ? "–" : formatValue(limits.high, decimals)}</i>
      <i data-over={alarm?.relation === "<"}>{limits.low === null ? "–" : formatValue(limits.low, decimals)}</i>
    </span>
  );
}

/** What a screen reader says for a value. */
export function spokenValue(reading: Reading): string {
  const value = reading.value === null ? texts.ward.noValue : formatVital(reading.vital, reading.value, reading.decimals);
  return texts.ward.tileValue(reading.vital.name, value);
}

function limitsText({ limits, decimals }: Reading): string {
  if (limits === null) return "";
  const { low, high } = limits;
  if (decimals > 0 && high !== null) return texts.measure.limitHigh(formatValue(high, decimals));
  if (low !== null && high !== null) {
    return `${formatValue(low, decimals)}–${formatValue(high, decimals)}`;
  }
  if (low !== null) return texts.measure.limitLow(formatValue(low, decimals));
  return high === null ? texts.measure.noLimits : texts.measure.limitHigh(formatValue(high, decimals));
}

function noteOf(reading: Reading, look: "cell" | "card"): string | null {
  const { vital, state, last, ageS, reason, decimals } = reading;
  switch (state) {
    case "fresh":
      return look === "card" && ageS !== null && ageS >= 5 ? texts.measure.measured(formatAge(ageS)) : null;
    case "ageing":
      return ageS === null ? null : texts.measure.old(formatAge(ageS));
    case "unsure":
      return look === "card" ? (texts.measure.reasons[reason ?? ""] ?? texts.measure.unsure) : null;
    case "stale":
    case "lost": {
      if (last === null) return null;
      const value = formatVital(vital, last.value, decimals);
      return look === "card" ? texts.measure.wasAt(value, formatTimeOfDay(last.atMs)) : texts.measure.was(value);
    }
    case "off":
      return texts.measure.reasons[reason ?? ""] ?? texts.measure.noReason;
    case "none":
      return null;
    default:
      return state satisfies never;
  }
}

