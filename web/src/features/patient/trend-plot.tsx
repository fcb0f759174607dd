import { useEffect, useRef } from "react";

import { Button } from "../../design/button";
import { formatValue } from "../../design/format/numbers";
import { Loading } from "../../design/loading";
import { texts } from "../../design/texts";
import { useLooks } from "../../design/theme";
import { useWidth } from "../../design/use-width";
import { useWindowSize } from "../../design/use-window-size";
import { timeTicks } from "./trend-axis";
import type { Lane } from "./trend-board";
import { TrendCursor } from "./trend-cursor";
import type { TimeRange } from "./trend-data";
import { type DrawnLane, drawTrends, laneY } from "./trend-drawing";
import { TrendMarkers } from "./trend-markers-view";
import { barsOf, type Happening, markersOf } from "./trend-markers";
import { TrendNow } from "./trend-now";
import styles from "./trends.module.css";

const PHONE_PX = 700;
const LANE_PX = 76;
const PHONE_LANE_PX = 60;
const TICK_EACH_PX = 110;

interface Properties {
  readonly patient: string;
  readonly lanes: readonly Lane[];
  readonly range: TimeRange;
  readonly happened: readonly Happening[];
  readonly onOpen: (atMs: number) => void;
}

export function TrendPlot({ patient, lanes, range, happened, onOpen }: Properties) {
  const [plot, width] = useWidth<HTMLDivElement>();
  const canvas = useRef<HTMLCanvasElement>(null);
  const looks = useLooks();
  const laneHeight = useWindowSize().width <= PHONE_PX ? PHONE_LANE_PX : LANE_PX;
  const ticks = timeTicks(range, Math.max(2, width / TICK_EACH_PX));
  const share = (atMs: number): number => (atMs - range.fromMs) / (range.toMs - range.fromMs);
  const x = (atMs: number): number => share(atMs) * width;
  const shown = happened.filter(({ atMs }) => atMs >= range.fromMs && atMs <= range.toMs);
  useEffect(() => {
    if (canvas.current === null) return;
    const drawn = lanes.map(({ vital, data, limits, scale }): DrawnLane | null => (data === null ? null : { ink: vital.ink, data, limits, scale }));
    drawTrends(canvas.current, { range, ticks, lanes: drawn, laneHeight });
  }, [lanes, range, ticks, laneHeight, width, looks]);
  const height = lanes.length * laneHeight;
  return (
    <div className={styles["board"]} style={{ "--lane": `${String(laneHeight)}px`, "--lanes": lanes.length }}>
      <TrendMarkers markers={markersOf(shown, x)} bars={barsOf(shown, range.toMs, x)} onOpen={onOpen} />
      <div className={styles["names"]}>
        {lanes.map((lane) => (
          <LaneName key={lane.measure} lane={lane} height={laneHeight} />
        ))}
      </div>
      <div ref={plot} className={styles["plot"]}>
        <canvas ref={canvas} className={styles["canvas"]} role="img" aria-label={texts.patient.trendsLabel} data-testid="trend-canvas" />
        {lanes.map((lane, index) => (
          <LaneState key={lane.measure} lane={lane} top={index * laneHeight} />
        ))}
        <TrendCursor lanes={lanes} range={range} width={width} height={height} laneHeight={laneHeight} onOpen={onOpen} />
      </div>
      <div className={styles["nows"]}>
        {lanes.map((lane) => (
          <TrendNow key={lane.measure} patient={patient} lane={lane} height={laneHeight} />
        ))}
      </div>
      <div className={styles["axis"]} aria-hidden="true">
        {ticks.map(({ atMs, text }) => (
          <span key={atMs} style={{ insetInlineStart: `${String(share(atMs) * 100)}%` }} data-edge={edgeOf(share(atMs) * width, width)}>
            {text}
          </span>
        ))}
      </div>
    </div>
  );
}

function edgeOf(x: number, width: number): "start" | "end" | undefined {
  if (x < TICK_EACH_PX / 4) return "start";
  return x > width - TICK_EACH_PX / 4 ? "end" : undefined;
}

function LaneName({ lane, height }: { readonly lane: Lane; readonly height: number }) {
  const { vital, unit, limits, scale, decimals } = lane;
  const known = [limits.high, limits.low].filter((limit) => limit !== null);
  return (
    <div className={styles["name"]} style={{ "--ink": `var(${vital.ink})` }}>
      <b>{vital.short}</b>
      <span>{unit}</span>
      {lane.data !== null &&
        known.map((limit) => (
          <i key={limit} style={{ insetBlockStart: `${String(laneY(limit, scale, height))}px` }}>
            {formatValue(limit, decimals)}
          </i>
        ))}
    </div>
  );
}

/** Beside the picture: that it is on its way, empty or failed. */
function LaneState({ lane, top }: { readonly lane: Lane; readonly top: number }) {
  const { data, failed, again, vital } = lane;
  if (data !== null && data.runs.length > 0) return null;
  return (
    <div className={styles["laneState"]} style={{ insetBlockStart: `${String(top)}px` }} data-failed={failed || undefined}>
      {data === null && !failed && <Loading className={styles["loading"]} />}
      {data !== null && <em>{texts.patient.trendsEmpty}</em>}
      {data === null && failed && (
        <>
          <em role="alert">
            {vital.short}: {texts.patient.trendsFailed}
          </em>
          <Button size="small" onClick={again}>
            {texts.ward.tryAgain}
          </Button>
        </>
      )}
    </div>
  );
}
