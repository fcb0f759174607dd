/** From the live stores to what `Measure` shows. */
import type { Limit, MeasureRow } from "../api/types";
import type { Reading, ReadingAlarm } from "../design/measure";
import type { BannerAlarm } from "../design/alarm-banner";
import { alarmMessage, shortMessage } from "../design/format/alarm-text";
import { vitalDisplay } from "../design/vital-display";
import { isLatched, loudness } from "../live/alarms";
import { judge, type Judgement, qualityBars } from "../live/judgement";
import type { LiveConnection } from "../live/live-connection";
import type { Alarm } from "../live/messages";

export interface Moment {
  readonly live: LiveConnection;
  readonly measures: ReadonlyMap<string, MeasureRow>;
  readonly nowMs: number;
  readonly linked: boolean;
}

const UNKNOWN_STALE_S = 10;

export function readVital(
  moment: Moment,
  patient: string,
  measure: string,
  alarms: readonly Alarm[],
  limits: readonly Limit[],
): Reading {
  const { live, measures, nowMs, linked } = moment;
  const row = measures.get(measure);
  const staleS = row?.stale_s ?? UNKNOWN_STALE_S;
  const judged = judge(
    live.vitals.shown(patient, measure),
    live.vitals.lastNumber(patient, measure),
    { staleS, intervalS: row?.interval_s ?? 1 },
    { nowMs, linked },
  );
  const judgement = whyNone(judged, measure, alarms);
  const vital = vitalDisplay(measure);
  const limit = limits.find((known) => known.measure === measure) ?? null;
  return {
    ...judgement,
    vital,
    decimals: row?.decimals ?? 0,
    unit: vital.unit ?? unitOf(row?.unit),
    limits: limit,
    alarm: linked ? alarmOf(measure, alarms, nowMs) : null,
  };
}

/** "1" is the unit of what has none. */
function unitOf(unit: string | undefined): string {
  return unit === undefined || unit === "1" ? "" : unit;
}

/** No heart rate and an electrode off: the one is the reason of the other. */
function whyNone(judged: Judgement, measure: string, alarms: readonly Alarm[]): Judgement {
  const silent = judged.state === "none" || judged.state === "stale";
  const leadOff = alarms.some(({ condition, state }) => condition === "lead_off" && state !== "cleared");
  if (!silent || !leadOff || measure !== "heart_rate") return judged;
  return { ...judged, state: "off", reason: "lead_off" };
}

/** Heart rate, or the pulse rate where no heart rate is known: it is labelled as what it is. */
export function rateMeasure(moment: Moment, patient: string): "heart_rate" | "pulse_rate" {
  const { live } = moment;
  const heart = live.vitals.shown(patient, "heart_rate");
  return heart === null && live.vitals.shown(patient, "pulse_rate") !== null ? "pulse_rate" : "heart_rate";
}

/** The best signal quality bars of what the patient shows; 0 without a link. */
export function qualityOf(moment: Moment, patient: string, measures: readonly string[]): number {
  if (!moment.linked) return 0;
  let bars = 0;
  for (const measure of measures) {
    const item = moment.live.vitals.shown(patient, measure);
    if (item === null || moment.nowMs - item.atMs > UNKNOWN_STALE_S * 1000) continue;
    const of = item.validity === "absent" ? 0 : qualityBars(item.quality);
    if (measure === measures[0] && item.value !== null) return of;
    bars = Math.max(bars, of);
  }
  return bars;
}

export function bannerAlarm(alarm: Alarm, measures: Moment["measures"], nowMs: number): BannerAlarm {
  const until = alarm.paused_until === null ? nowMs : Date.parse(alarm.paused_until);
  return {
    priority: alarm.priority,
    loudness: loudness(alarm, nowMs),
    technical: alarm.kind === "technical",
    latched: isLatched(alarm),
    unsure: alarm.unsure,
    text: alarmMessage(alarm, measures.get(alarm.measure ?? "")?.decimals ?? 0),
    short: shortMessage(alarm, measures.get(alarm.measure ?? "")?.decimals ?? 0),
    standingS: (nowMs - Date.parse(alarm.since)) / 1000,
    pauseLeftS: (until - nowMs) / 1000,
    seenBy: alarm.acknowledged_by,
  };
}

function alarmOf(measure: string, alarms: readonly Alarm[], nowMs: number): ReadingAlarm | null {
  const own = alarms.find(
    (alarm) => alarm.measure === measure && alarm.kind === "physiological" && !isLatched(alarm),
  );
  if (own === undefined) return null;
  return { priority: own.priority, loudness: loudness(own, nowMs), relation: own.relation };
}
