/** How a value may be shown: its age by the server's clock, its validity, the state of the link. */
import type { LastNumber } from "./vitals";
import type { VitalItem } from "./messages";
import { lateS } from "./preference";

export type ValueState = "fresh" | "ageing" | "unsure" | "stale" | "off" | "none" | "lost";

export interface Judgement {
  readonly state: ValueState;
  /** The number to show; null in every state but fresh, ageing and unsure. */
  readonly value: number | null;
  readonly ageS: number | null;
  /** What was last known where no number may be shown. */
  readonly last: LastNumber | null;
  /** Why there is no number, a key of the page's texts. */
  readonly reason: string | null;
  /** 0 to 4 bars. */
  readonly bars: number;
}

export interface AgeRule {
  readonly intervalS: number;
  readonly staleS: number;
}

/** The way from the sensor to the page takes this long even when all is well. */
const PATH_S = 3;
const UNSURE_BARS = 1;

export function judge(
  item: VitalItem | null,
  last: LastNumber | null,
  rule: AgeRule,
  at: { readonly nowMs: number; readonly linked: boolean },
): Judgement {
  const none = { value: null, ageS: null, last, reason: null, bars: 0 };
  if (!at.linked || Number.isNaN(at.nowMs)) return { ...none, state: "lost" };
  if (item === null) return { ...none, state: "none" };
  const ageS = Math.max(0, (at.nowMs - item.atMs) / 1000);
  if (ageS > rule.staleS || item.validity === "stale") return { ...none, state: "stale", ageS };
  if (item.validity === "absent" || item.value === null) {
    return { ...none, state: "off", ageS, reason: item.reason };
  }
  const bars = qualityBars(item.quality);
  const shown = { value: item.value, ageS, last, reason: item.reason, bars };
  if (ageS > 2 * rule.intervalS + PATH_S + lateS(item)) return { ...shown, state: "ageing" };
  if (item.validity === "questionable" || bars <= UNSURE_BARS) return { ...shown, state: "unsure" };
  return { ...shown, state: "fresh" };
}

/** Quality 0..1 as bars; under the least quality a number has, one bar. */
export function qualityBars(quality: number | null): number {
  if (quality === null || quality <= 0) return 0;
  if (quality >= 0.85) return 4;
  if (quality >= 0.65) return 3;
  return quality >= 0.45 ? 2 : 1;
}
