import type { MeasureKey, Patient } from "../../api/types";
import { Measure } from "../../design/measure";
import { texts } from "../../design/texts";
import type { Alarm } from "../../live/messages";
import { type Moment, rateMeasure, readVital } from "../../session/readings";
import styles from "./patient-numbers.module.css";
import { Spark } from "./spark";
import { originOf } from "./value-origin";

interface Properties {
  readonly data: Patient;
  readonly alarms: readonly Alarm[];
  readonly moment: Moment;
}

const TEST_NAMES: Readonly<Record<string, string>> = {
  heart_rate: "hr",
  pulse_rate: "hr",
  respiration_rate: "rr",
  temperature: "temp",
};

/** The current values with their limits and where they come from. */
export function PatientNumbers({ data, alarms, moment }: Properties) {
  const measures: readonly MeasureKey[] = [rateMeasure(moment, data.key), "spo2", "respiration_rate", "temperature"];
  return (
    <section className={styles["numbers"]} aria-label={texts.patient.numbers}>
      {measures.map((measure) => {
        const reading = readVital(moment, data.key, measure, alarms, data.limits);
        return (
          <div key={measure} className={styles["number"]}>
            <Measure
              reading={reading}
              look="card"
              testId={`big-${TEST_NAMES[measure] ?? measure}`}
              origin={originOf(data.key, reading, moment)}
            >
              <Spark patient={data.key} measure={measure} nowMs={moment.nowMs} />
            </Measure>
          </div>
        );
      })}
    </section>
  );
}
