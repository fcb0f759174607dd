import { useQueries, useQuery, type UseQueryOptions } from "@tanstack/react-query";
import { memo } from "react";

import type { Client } from "../../api/client";
import { eventsQuery, type TrendRange, trendQuery } from "../../api/queries";
import type { Limit, MeasureKey, Vitals } from "../../api/types";
import { texts } from "../../design/texts";
import { useWindowSize } from "../../design/use-window-size";
import { type VitalDisplay, vitalDisplay } from "../../design/vital-display";
import { useSession } from "../../session/session";
import { type TrendData, trendData, type TrendLimits, trendScale } from "./trend-data";
import { happenings } from "./trend-markers";
import { stepOf } from "./trend-range";
import { TrendPlot } from "./trend-plot";
import { TrendTable } from "./trend-table-view";
import styles from "./trends.module.css";

const OTHERS: readonly MeasureKey[] = ["spo2", "respiration_rate", "temperature"];
const POINTS = 720; // on a wall two thirds of a point a pixel
const PHONE_POINTS = 360;
const PHONE_PX = 700;
const STORED_AFTER_MS = 20_000; // a value may be under way for so long: until then it is not missing
const LEAST_SPAN = { 0: 16, 1: 1.6 } as const;
const NO_LIMITS: TrendLimits = { low: null, high: null };

export interface Lane {
  readonly measure: MeasureKey;
  readonly vital: VitalDisplay;
  readonly unit: string;
  readonly decimals: number;
  readonly limits: TrendLimits;
  /** Null until the server has answered. */
  readonly data: TrendData | null;
  readonly scale: readonly [number, number];
  readonly failed: boolean;
  readonly again: () => void;
}

interface Properties {
  readonly patient: string;
  /** Heart rate, or the pulse where no heart rate is known. */
  readonly rate: MeasureKey;
  readonly limits: readonly Limit[];
  readonly fromMs: number;
  readonly toMs: number;
  readonly asTable: boolean;
  readonly onOpen: (atMs: number) => void;
}

/**
 * What the server knows of a range, as a chart or as a table.
 *
 * Kept from the page's second: the canvas is drawn when an answer comes, twice a minute.
 */
export const TrendBoard = memo(function TrendBoard({ patient, rate, limits, fromMs, toMs, asTable, onOpen }: Properties) {
  const { api, measures } = useSession();
  const points = useWindowSize().width <= PHONE_PX ? PHONE_POINTS : POINTS;
  const shown = [rate, ...OTHERS];
  const answers = useQueries({ queries: shown.map((measure) => laneQuery(api, { patient, measure, fromMs, toMs, points }, measures.get(measure)?.interval_s ?? 1)) });
  const events = useQuery({ ...eventsQuery(api, { patient, fromMs, toMs }), placeholderData: (before) => before });
  const lanes = shown.map((measure, index): Lane => {
    const answer = answers[index];
    const row = measures.get(measure);
    const vital = vitalDisplay(measure);
    const decimals = row?.decimals ?? 0;
    const limit = limits.find((known) => known.measure === measure) ?? NO_LIMITS;
    const data = answer?.data ?? null;
    const least = decimals === 0 ? LEAST_SPAN[0] : LEAST_SPAN[1];
    return {
      measure,
      vital,
      unit: vital.unit ?? row?.unit ?? "",
      decimals,
      limits: limit,
      data,
      scale: data === null ? [0, least] : trendScale(data, limit, least),
      failed: answer?.isError ?? false,
      again: () => void answer?.refetch(),
    };
  });
  const happened = happenings(events.data ?? [], (measure) => measures.get(measure)?.decimals ?? 0);
  const range = { fromMs, toMs };
  return (
    <>
      {asTable ? <TrendTable lanes={lanes} range={range} happened={happened} /> : <TrendPlot patient={patient} lanes={lanes} range={range} happened={happened} onOpen={onOpen} />}
      {events.isError && (
        <p className={styles["failed"]} role="alert">
          {texts.patient.eventsFailed}
        </p>
      )}
    </>
  );
});

function laneQuery(api: Client, range: TrendRange, intervalS: number): UseQueryOptions<Vitals, Error, TrendData, readonly ["trend", TrendRange]> {
  const lengthMs = range.toMs - range.fromMs;
  return {
    ...trendQuery(api, range),
    // while the axis moves on the old answer stands; that of another range would be drawn wrong
    placeholderData: (before, query) => {
      const asked = query?.queryKey[1];
      return asked !== undefined && asked.toMs - asked.fromMs === lengthMs ? before : undefined;
    },
    select: (vitals) => trendData(vitals, range, intervalS, range.toMs - stepOf(lengthMs) - STORED_AFTER_MS),
  };
}
