/** Times on the axis of the trends: round in the time of the ward, a change of its offset marked. */
import { formatDay, formatHourMinute, formatZone } from "../../design/format/times";
import type { TimeRange } from "./trend-data";

export interface Tick {
  readonly atMs: number;
  readonly text: string;
  /** The first tick after the clocks were changed. */
  readonly shifted: boolean;
}

const MINUTE_MS = 60_000;
const DAY_MINUTES = 1440;
/** Steps in minutes that people know from clocks. */
const STEPS = [5, 10, 15, 30, 60, 120, 180, 240, 360, 720, DAY_MINUTES];

export function timeTicks({ fromMs, toMs }: TimeRange, most: number): Tick[] {
  const spanMinutes = (toMs - fromMs) / MINUTE_MS;
  const step = STEPS.find((minutes) => spanMinutes / minutes <= most) ?? DAY_MINUTES;
  const ticks: Tick[] = [];
  let zone = formatZone(fromMs);
  for (let atMs = firstTick(fromMs, step); atMs < toMs; atMs = nextTick(atMs, step)) {
    const own = formatZone(atMs);
    const clock = formatHourMinute(atMs);
    const day = clock === "00:00" && spanMinutes > DAY_MINUTES / 2;
    ticks.push({ atMs, text: day ? formatDay(atMs) : clock, shifted: own !== zone });
    zone = own;
  }
  return ticks;
}

/** `UTC+1`, or both offsets when the clocks were changed on the way. */
export function zoneText({ fromMs, toMs }: TimeRange): string {
  const [before, after] = [formatZone(fromMs), formatZone(toMs)];
  return before === after ? after : `${before}, ${after}`;
}

/** The first round time of the ward's clock at or after a time. */
function firstTick(fromMs: number, step: number): number {
  const at = new Date(fromMs);
  at.setSeconds(0, 0);
  const minutes = at.getHours() * 60 + at.getMinutes();
  at.setHours(0, Math.floor(minutes / step) * step);
  return at.getTime() >= fromMs ? at.getTime() : nextTick(at.getTime(), step);
}

/** By the clock on the wall, so that midnight stays midnight when its offset changes. */
function nextTick(atMs: number, step: number): number {
  const at = new Date(atMs);
  at.setMinutes(at.getMinutes() + step);
  const next = at.getTime();
  return next > atMs ? next : atMs + step * MINUTE_MS;
}
