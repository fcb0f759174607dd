import { useQuery } from "@tanstack/react-query";

import { blowsQuery } from "../../api/queries";
import type { Patient } from "../../api/types";
import { Measure, type Reading } from "../../design/measure";
import { texts } from "../../design/texts";
import { bodyTexts } from "../../design/texts-body";
import { VITALS } from "../../design/vital-display";
import type { Alarm } from "../../live/messages";
import { type Moment, rateMeasure, readVital } from "../../session/readings";
import { useSession } from "../../session/session";
import { areBlown, expectationOf } from "./expectation";
import styles from "./further-numbers.module.css";
import { originOf } from "./value-origin";

const SHOWN_ABOVE = ["spo2", "respiration_rate", "temperature"];
const SHOWN_AS_PLACE = ["position", "position_x", "position_y", "room"];

interface Properties {
  readonly data: Patient;
  readonly alarms: readonly Alarm[];
  readonly moment: Moment;
}

/** Whatever else the patient's devices and our estimators give, each with its source and age. */
export function FurtherNumbers({ data, alarms, moment }: Properties) {
  const { api } = useSession();
  const above = new Set<string>([...SHOWN_ABOVE, ...SHOWN_AS_PLACE, rateMeasure(moment, data.key)]);
  const others = moment.live.vitals.measures(data.key).filter((measure) => !above.has(measure) && moment.measures.has(measure));
  const { data: blows } = useQuery({ ...blowsQuery(api, data.key), enabled: areBlown(others) });
  if (others.length === 0) return null;
  const lacks = areBlown(others) ? (blows?.reference.missing ?? []) : [];
  return (
    <section className={styles["card"]} aria-label={texts.patient.moreNumbers} data-testid="further-numbers">
      <h2>{texts.patient.moreNumbers}</h2>
      <div className={styles["grid"]}>
        {others.map((measure) => {
          const reading = named(readVital(moment, data.key, measure, alarms, data.limits), moment);
          const parts = [originOf(data.key, reading, moment), reading.value === null ? "" : expectationOf(blows, measure)];
          return <Measure key={measure} reading={reading} look="card" testId={`more-${measure}`} origin={parts.filter((part) => part !== "").join(" · ")} />;
        })}
      </div>
      {lacks.length > 0 && <p className={styles["lacks"]}>{bodyTexts.missing(lacks.map((part) => bodyTexts.parts[part]))}</p>}
    </section>
  );
}

/** A measure that has no look of its own is called as the server calls it. */
function named(reading: Reading, { measures }: Moment): Reading {
  const { vital } = reading;
  const label = measures.get(vital.key)?.label ?? vital.name;
  return { ...reading, vital: { ...vital, short: vital.key in VITALS ? vital.name : label, name: label } };
}
