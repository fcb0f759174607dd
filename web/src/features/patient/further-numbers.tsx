import type { Patient } from "../../api/types";
import { Measure, type Reading } from "../../design/measure";
import { texts } from "../../design/texts";
import { VITALS } from "../../design/vital-display";
import type { Alarm } from "../../live/messages";
import { type Moment, rateMeasure, readVital } from "../../session/readings";
import { isBlown } from "./breath-session";
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
  const above = new Set<string>([...SHOWN_ABOVE, ...SHOWN_AS_PLACE, rateMeasure(moment, data.key)]);
  const others = moment.live.vitals.measures(data.key).filter((measure) => !above.has(measure) && !isBlown(measure) && moment.measures.has(measure));
  if (others.length === 0) return null;
  return (
    <section className={styles["card"]} aria-label={texts.patient.moreNumbers} data-testid="further-numbers">
      <h2>{texts.patient.moreNumbers}</h2>
      <div className={styles["grid"]}>
        {others.map((measure) => {
          const reading = named(readVital(moment, data.key, measure, alarms, data.limits), moment);
          return <Measure key={measure} reading={reading} look="card" testId={`more-${measure}`} origin={originOf(data.key, reading, moment)} />;
        })}
      </div>
    </section>
  );
}

/** A measure that has no look of its own is called as the server calls it. */
function named(reading: Reading, { measures }: Moment): Reading {
  const { vital } = reading;
  const label = measures.get(vital.key)?.label ?? vital.name;
  return { ...reading, vital: { ...vital, short: vital.key in VITALS ? vital.name : label, name: label } };
}
