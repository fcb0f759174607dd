import { type KeyboardEvent, type PointerEvent, useState } from "react";

import { Button } from "../../design/button";
import { DASHES, formatQuantity, formatValue } from "../../design/format/numbers";
import { formatDayTime, formatHourMinute, formatTimeOfDay } from "../../design/format/times";
import { texts } from "../../design/texts";
import type { Lane } from "./trend-board";
import { pointAt, type TimeRange, type TrendPoint } from "./trend-data";
import { laneY } from "./trend-drawing";
import styles from "./trends.module.css";

const STEPS = 240; // of the arrow keys, over the whole width
const FAST = 10;
const HOUR_MS = 3_600_000;

interface Properties {
  readonly lanes: readonly Lane[];
  readonly range: TimeRange;
  readonly width: number;
  readonly height: number;
  readonly laneHeight: number;
  readonly onOpen: (atMs: number) => void;
}

/** One line through all lanes, moved by pointer or keys; it says the value of each lane. */
export function TrendCursor({ lanes, range, width, height, laneHeight, onOpen }: Properties) {
  const [heldMs, setHeldMs] = useState<number | null>(null);
  const [touched, setTouched] = useState(false);
  const spanMs = range.toMs - range.fromMs;
  const clamp = (atMs: number): number => Math.min(range.toMs, Math.max(range.fromMs, atMs));
  const atMs = heldMs === null ? null : clamp(heldMs);
  const withinMs = (spanMs / STEPS) * 2;
  const points = atMs === null ? [] : lanes.map(({ data }) => (data === null ? null : pointAt(data, atMs, withinMs)));
  const follow = (event: PointerEvent<HTMLElement>): void => {
    const box = event.currentTarget.getBoundingClientRect();
    setTouched(event.pointerType === "touch");
    setHeldMs(clamp(range.fromMs + ((event.clientX - box.left) / box.width) * spanMs));
  };
  const press = (event: KeyboardEvent<HTMLElement>): void => {
    const step = (spanMs / STEPS) * (event.shiftKey ? FAST : 1);
    const now = atMs ?? range.toMs;
    const next = { ArrowLeft: now - step, ArrowRight: now + step, Home: range.fromMs, End: range.toMs }[event.key];
    if (next !== undefined) setHeldMs(clamp(next));
    else if (event.key === "Enter" && atMs !== null) onOpen(atMs);
    else if (event.key === "Escape" && atMs !== null) {
      setHeldMs(null);
      event.stopPropagation();
    } else return;
    event.preventDefault();
  };
  const x = atMs === null ? 0 : ((atMs - range.fromMs) / spanMs) * width;
  return (
    <div
      className={styles["cursor"]}
      style={{ blockSize: `${String(height)}px` }}
      role="slider"
      tabIndex={0}
      aria-label={texts.patient.trendCursor}
      aria-valuemin={range.fromMs}
      aria-valuemax={range.toMs}
      aria-valuenow={Math.round(atMs ?? range.toMs)}
      aria-valuetext={spoken(lanes, points, atMs ?? range.toMs)}
      data-testid="trend-cursor"
      onPointerMove={follow}
      onPointerDown={follow}
      onPointerLeave={(event) => {
        if (event.pointerType !== "touch" && document.activeElement !== event.currentTarget) setHeldMs(null);
      }}
      onKeyDown={press}
      onBlur={() => {
        if (!touched) setHeldMs(null);
      }}
      onClick={() => {
        if (atMs !== null && !touched) onOpen(atMs);
      }}
    >
      {atMs !== null && (
        <span className={styles["line"]} style={{ insetInlineStart: `${x.toFixed(1)}px` }} data-side={x > width * 0.8 ? "left" : "right"}>
          {lanes.map((lane, index) => (
            <CursorValue key={lane.measure} lane={lane} point={points[index] ?? null} top={index * laneHeight} laneHeight={laneHeight} />
          ))}
          <time>{timeOf(atMs, spanMs)}</time>
          {touched && (
            <Button
              size="small"
              onClick={() => {
                onOpen(atMs);
              }}
            >
              {texts.patient.openSignal}
            </Button>
          )}
        </span>
      )}
    </div>
  );
}

interface ValueProperties {
  readonly lane: Lane;
  readonly point: TrendPoint | null;
  readonly top: number;
  readonly laneHeight: number;
}

function CursorValue({ lane, point, top, laneHeight }: ValueProperties) {
  const ink = { "--ink": `var(${lane.vital.ink})` };
  return (
    <>
      {point !== null && <i style={{ ...ink, insetBlockStart: `${(top + laneY(point.value, lane.scale, laneHeight)).toFixed(1)}px` }} />}
      <b style={{ ...ink, insetBlockStart: `${String(top + 6)}px` }}>
        {point === null ? DASHES : formatValue(point.value, lane.decimals)}
        {point !== null && <small>{spread(point, lane.decimals)}</small>}
      </b>
    </>
  );
}

/** The least and the greatest behind a mean, where they are something else. */
function spread({ low, high }: TrendPoint, decimals: number): string {
  const [least, greatest] = [formatValue(low, decimals), formatValue(high, decimals)];
  return least === greatest ? "" : `${least}–${greatest}`;
}

function spoken(lanes: readonly Lane[], points: readonly (TrendPoint | null)[], atMs: number): string {
  const values = lanes.flatMap((lane, index) => {
    const point = points[index];
    return point == null ? [] : [`${lane.vital.name} ${formatQuantity(point.value, lane.decimals, lane.unit)}`];
  });
  return texts.patient.trendAt(formatDayTime(atMs), values.join(", "));
}

function timeOf(atMs: number, spanMs: number): string {
  if (spanMs <= HOUR_MS) return formatTimeOfDay(atMs);
  return spanMs > 24 * HOUR_MS ? formatDayTime(atMs) : formatHourMinute(atMs);
}
