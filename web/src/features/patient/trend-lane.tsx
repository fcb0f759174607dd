import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import uPlot from "uplot";

import type { Limit, MeasureKey } from "../../api/types";
import { trendQuery } from "../../api/queries";
import { formatValue } from "../../design/format/numbers";
import { texts } from "../../design/texts";
import { useLooks } from "../../design/theme";
import { vitalDisplay } from "../../design/vital-display";
import { useSession } from "../../session/session";
import { type TrendLook, trendOptions } from "./trend-chart";
import { type TrendData, trendData } from "./trend-data";
import styles from "./trends.module.css";

const POINTS = 480;
const AXIS_PX = 26;
const LANE_PX = 74;

interface Properties {
  readonly patient: string;
  readonly measure: MeasureKey;
  readonly limit: Limit | null;
  readonly range: { readonly fromMs: number; readonly toMs: number };
  /** Whether the times stand under this lane. */
  readonly axis: boolean;
}

export function TrendLane({ patient, measure, limit, range, axis }: Properties) {
  const { api, measures } = useSession();
  const query = useQuery({
    ...trendQuery(api, { patient, measure, ...range, points: POINTS }),
    placeholderData: keepPreviousData,
  });
  const vital = vitalDisplay(measure);
  const decimals = measures.get(measure)?.decimals ?? 0;
  const data = query.data === undefined ? null : trendData(query.data, range, measures.get(measure)?.interval_s ?? 1);
  const last = data?.values.findLast((value) => value !== null) ?? null;
  return (
    <div className={styles["lane"]} style={{ "--ink": `var(${vital.ink})` }}>
      <div className={styles["name"]}>
        <b>{vital.short}</b>
        <span>{vital.unit ?? measures.get(measure)?.unit}</span>
      </div>
      <div className={styles["plot"]} style={{ height: `${String(LANE_PX + (axis ? AXIS_PX : 0))}px` }}>
        {data !== null && <Chart data={data} range={range} look={{ ink: vital.ink, decimals, axis, limit }} label={`${vital.name}, ${texts.patient.trends}`} />}
        {query.isError && <p className={styles["empty"]}>{texts.patient.trendsFailed}</p>}
        {data?.times.length === 0 && <p className={styles["empty"]}>{texts.patient.trendsEmpty}</p>}
      </div>
      <b className={styles["last"]}>{last === null ? "" : formatValue(last, decimals)}</b>
    </div>
  );
}

interface ChartProperties {
  readonly data: TrendData;
  readonly range: Properties["range"];
  readonly look: TrendLook;
  readonly label: string;
}

function Chart({ data, range, look, label }: ChartProperties) {
  const area = useRef<HTMLDivElement>(null);
  const looks = useLooks();
  useEffect(() => {
    const element = area.current;
    if (element === null) return undefined;
    const size = { width: element.clientWidth, height: element.clientHeight };
    const plot = new uPlot({ ...trendOptions(data, range, look), ...size }, [data.times, data.values], element);
    const watch = new ResizeObserver(() => {
      plot.setSize({ width: element.clientWidth, height: element.clientHeight });
    });
    watch.observe(element);
    return () => {
      watch.disconnect();
      plot.destroy();
    };
    // the chart is made anew with its data: a few hundred points, twice a minute
  }, [data, range, look, looks]);
  return <div ref={area} className={styles["chart"]} role="img" aria-label={label} />;
}
