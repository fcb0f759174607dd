import { Table2 } from "lucide-react";
import { useState } from "react";

import type { Limit, MeasureKey } from "../../api/types";
import { Button } from "../../design/button";
import { Segments } from "../../design/segments";
import { texts } from "../../design/texts";
import { useSession, useWatched } from "../../session/session";
import { zoneText } from "./trend-axis";
import { TrendBoard } from "./trend-board";
import { RANGES, rangeUntil, useTrendRange } from "./trend-range";
import styles from "./trends.module.css";

interface Properties {
  readonly patient: string;
  readonly rate: MeasureKey;
  readonly limits: readonly Limit[];
  /** Carry the signal of that time into sight. */
  readonly onOpen: (atMs: number) => void;
}

/** Small multiples over one time axis: never two scales on one, never a line over missing data. */
export function Trends({ patient, rate, limits, onOpen }: Properties) {
  const { live } = useSession();
  const [key, choose] = useTrendRange();
  const [asTable, setAsTable] = useState(false);
  useWatched(live.tick);
  const nowMs = live.clock.now();
  if (Number.isNaN(nowMs)) return null;
  const { fromMs, toMs } = rangeUntil(nowMs, key);
  return (
    <section id="trends" className={styles["card"]} aria-label={texts.patient.trends} data-range={key}>
      <header className={styles["head"]}>
        <h2>{texts.patient.trends}</h2>
        <span className={styles["note"]}>{texts.patient.trendsNote(zoneText({ fromMs, toMs }))}</span>
        <Button
          size="small"
          look="plain"
          aria-pressed={asTable}
          onClick={() => {
            setAsTable(!asTable);
          }}
        >
          <Table2 size={15} aria-hidden="true" />
          {texts.patient.table}
        </Button>
        <Segments small label={texts.patient.range} value={key} onChange={choose} options={RANGES} />
      </header>
      <TrendBoard patient={patient} rate={rate} limits={limits} fromMs={fromMs} toMs={toMs} asTable={asTable} onOpen={onOpen} />
    </section>
  );
}
