import "uplot/dist/uPlot.min.css";

import { useState } from "react";

import type { Limit } from "../../api/types";
import { Segments } from "../../design/segments";
import { texts } from "../../design/texts";
import { useSession, useWatched } from "../../session/session";
import { TrendLane } from "./trend-lane";
import styles from "./trends.module.css";

const HOUR_MS = 3_600_000;
const RANGES = [
  { value: 1, text: "1 h" },
  { value: 8, text: "8 h" },
  { value: 24, text: "24 h" },
  { value: 168, text: "7 d" },
] as const;
type Hours = (typeof RANGES)[number]["value"];

const MEASURES = ["heart_rate", "spo2", "respiration_rate", "temperature"] as const;
const STEP_S = 30; // the axis moves on twice a minute

interface Properties {
  readonly patient: string;
  readonly limits: readonly Limit[];
}

/** Small multiples over one time axis: never two scales on one, never a line over missing data. */
export function Trends({ patient, limits }: Properties) {
  const { live } = useSession();
  const [hours, setHours] = useState<Hours>(1);
  useWatched(live.tick);
  const nowMs = live.clock.now();
  if (Number.isNaN(nowMs)) return null;
  const toMs = Math.ceil(nowMs / (STEP_S * 1000)) * STEP_S * 1000;
  const range = { fromMs: toMs - hours * HOUR_MS, toMs };
  return (
    <section className={styles["card"]} aria-label={texts.patient.trends} data-testid="trend-canvas">
      <header className={styles["head"]}>
        <h2>{texts.patient.trends}</h2>
        <span className={styles["note"]}>{texts.patient.trendsNote}</span>
        <Segments small label={texts.patient.range} value={hours} onChange={setHours} options={RANGES} />
      </header>
      <div className={styles["lanes"]}>
        {MEASURES.map((measure, index) => (
          <TrendLane
            key={measure}
            patient={patient}
            measure={measure}
            limit={limits.find((known) => known.measure === measure) ?? null}
            range={range}
            axis={index === MEASURES.length - 1}
          />
        ))}
      </div>
    </section>
  );
}
