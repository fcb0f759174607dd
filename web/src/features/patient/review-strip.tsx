import { type KeyboardEvent, type PointerEvent, useEffect, useRef } from "react";

import { formatDayTime, formatTimeOfDay } from "../../design/format/times";
import { texts } from "../../design/texts";
import { useLooks } from "../../design/theme";
import { drawStrip, laneHeight, MM_PER_S, PULSE_MM, type Strip } from "./review-drawing";
import styles from "./signal-review.module.css";
import type { StoredLane } from "./use-stored-signals";

const STEP_MS = 1000;
const FAST = 10;

interface Properties {
  readonly strip: Omit<Strip, "lanes"> & { readonly lanes: readonly StoredLane[] };
  readonly onMove: (byMs: number) => void;
  readonly onPresent: () => void;
}

/** The strip itself: dragged, or moved with keys. */
export function ReviewStrip({ strip, onMove, onPresent }: Properties) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const dragged = useRef<number | null>(null);
  const looks = useLooks();
  const { view, pxPerMm, lanes } = strip;
  const spanMs = view.toMs - view.fromMs;
  useEffect(() => {
    if (canvas.current !== null) drawStrip(canvas.current, strip);
  }, [strip, looks]);
  const press = (event: KeyboardEvent): void => {
    const step = STEP_MS * (event.shiftKey ? FAST : 1);
    const by = { ArrowLeft: -step, ArrowRight: step, PageUp: -spanMs, PageDown: spanMs }[event.key];
    if (by !== undefined) onMove(by);
    else if (event.key === "End") onPresent();
    else return;
    event.preventDefault();
  };
  const drag = (event: PointerEvent<HTMLElement>): void => {
    if (dragged.current === null) return;
    const byMs = ((dragged.current - event.clientX) / (pxPerMm * MM_PER_S)) * 1000;
    dragged.current = event.clientX;
    if (byMs !== 0) onMove(byMs);
  };
  const heights = lanes.map(({ paper }) => laneHeight(paper, pxPerMm));
  const topOf = (lane: number): number => heights.slice(0, lane).reduce((sum, height) => sum + height, 0);
  const second = pxPerMm * MM_PER_S;
  const firstSecond = Math.ceil(view.fromMs / 1000) * 1000;
  const seconds = Array.from({ length: Math.max(0, Math.floor((view.toMs - firstSecond) / 1000) + 1) }, (_, i) => firstSecond + i * 1000);
  return (
    <div
      className={styles["strip"]}
      role="slider"
      tabIndex={0}
      aria-label={texts.review.strip}
      aria-valuenow={Math.round(view.fromMs + spanMs / 2)}
      aria-valuetext={texts.review.stripAt(formatDayTime(view.fromMs), formatTimeOfDay(view.toMs))}
      data-testid="strip"
      onKeyDown={press}
      onPointerDown={(event) => {
        if (event.pointerType === "touch") return; // a finger scrolls the page
        event.currentTarget.setPointerCapture(event.pointerId);
        dragged.current = event.clientX;
      }}
      onPointerMove={drag}
      onPointerUp={() => {
        dragged.current = null;
      }}
    >
      <canvas ref={canvas} data-testid="ecg-strip" role="img" aria-label={lanes.map(({ name }) => name).join(", ")} style={{ blockSize: `${String(topOf(lanes.length))}px` }} />
      {lanes.map((lane, index) => (
        <b key={lane.stream} className={styles["lane"]} style={{ insetBlockStart: `${String(topOf(index) + (lane.paper ? 32 : 4))}px`, "--ink": `var(${lane.paper ? "--paper-ink" : lane.ink})` }}>
          {lane.name} {lane.paper ? lane.channel : null}
        </b>
      ))}
      <div className={styles["seconds"]} aria-hidden="true">
        {seconds.map((atMs) => (
          <span key={atMs} style={{ insetInlineStart: `${(PULSE_MM * pxPerMm + ((atMs - view.fromMs) / 1000) * second).toFixed(1)}px` }}>
            {(atMs / 1000) % 2 === 0 ? formatTimeOfDay(atMs) : ""}
          </span>
        ))}
      </div>
    </div>
  );
}
