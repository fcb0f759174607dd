import type { MeasureKey, Patient } from "../../api/types";
import { formatQuantity, formatValue } from "../../design/format/numbers";
import { Measure, type Reading } from "../../design/measure";
import { texts } from "../../design/texts";
import type { Alarm } from "../../live/messages";
import { type Moment, rateMeasure, readVital } from "../../session/readings";
import styles from "./patient-numbers.module.css";
import { Spark } from "./spark";

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

/** Which sensor gave the value, and what others say. */
function originOf(patient: string, reading: Reading, { live, measures, nowMs, linked }: Moment): string {
  if (!linked || reading.value === null) return "";
  const shown = live.vitals.shown(patient, reading.vital.key);
  const parts = [sourceName(shown?.method ?? "")];
  const staleMs = (measures.get(reading.vital.key)?.stale_s ?? 10) * 1000;
  for (const other of live.vitals.sources(patient, reading.vital.key)) {
    if (other === shown || other.value === null || nowMs - other.atMs > staleMs) continue;
    parts.push(`${sourceName(other.method)} ${formatValue(other.value, reading.decimals)}`);
  }
  if (reading.vital.key === "spo2") {
    const perfusion = live.vitals.shown(patient, "perfusion_index");
    if (perfusion?.value != null && nowMs - perfusion.atMs < staleMs) {
      parts.push(`PI ${formatQuantity(perfusion.value, measures.get("perfusion_index")?.decimals ?? 1, "%")}`);
    }
  }
  if (reading.vital.key === "heart_rate") {
    const pulse = live.vitals.shown(patient, "pulse_rate");
    if (pulse?.value != null && nowMs - pulse.atMs < staleMs) parts.push(`pulse ${formatValue(pulse.value, 0)}`);
  }
  return parts.filter((part) => part !== "").join(" · ");
}

function sourceName(method: string): string {
  return texts.measure.sources[method] ?? "";
}
