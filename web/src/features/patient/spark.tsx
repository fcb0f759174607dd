import { keepPreviousData, useQuery } from "@tanstack/react-query";

import { trendQuery } from "../../api/queries";
import type { MeasureKey } from "../../api/types";
import { useSession } from "../../session/session";
import styles from "./patient-numbers.module.css";
import { trendData, trendScale } from "./trend-data";

const SPAN_MS = 15 * 60_000;
const STEP_MS = 20_000;
const POINTS = 60;
const WIDTH = 120;
const HEIGHT = 34;
const EDGE = 3;
const LEAST_SPAN = 8;
const NO_LIMITS = { low: null, high: null };

/** The last quarter of an hour of a value as a line without scale; the trends below have one. */
export function Spark({ patient, measure, nowMs }: { readonly patient: string; readonly measure: MeasureKey; readonly nowMs: number }) {
  const { api, measures } = useSession();
  const toMs = Math.ceil(nowMs / STEP_MS) * STEP_MS;
  const range = { fromMs: toMs - SPAN_MS, toMs };
  const { data } = useQuery({
    ...trendQuery(api, { patient, measure, ...range, points: POINTS }),
    placeholderData: keepPreviousData,
    enabled: !Number.isNaN(nowMs),
  });
  if (data === undefined) return <span className={styles["spark"]} />;
  const trend = trendData(data, range, measures.get(measure)?.interval_s ?? 1);
  const [low, high] = trendScale(trend, NO_LIMITS, measure === "temperature" ? 1 : LEAST_SPAN);
  let path = "";
  for (const run of trend.runs) {
    run.forEach(({ atMs, value }, index) => {
      const x = ((atMs - range.fromMs) / SPAN_MS) * WIDTH;
      const y = EDGE + (1 - (value - low) / (high - low)) * (HEIGHT - 2 * EDGE);
      path += `${index === 0 ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
    });
  }
  return (
    <svg className={styles["spark"]} viewBox={`0 0 ${String(WIDTH)} ${String(HEIGHT)}`} preserveAspectRatio="none" aria-hidden="true">
      <path d={path} fill="none" stroke="currentColor" strokeWidth="1.5" strokeLinejoin="round" vectorEffect="non-scaling-stroke" />
    </svg>
  );
}
