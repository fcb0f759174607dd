import { Card } from "../../design/card";
import hidden from "../../design/hidden.module.css";
import { PanelNotice } from "../../design/notice";
import table from "../../design/table.module.css";
import { alarmTexts } from "../../design/texts-alarms";
import type { Alarm } from "../../live/messages";
import type { Moment } from "../../session/readings";
import styles from "./active-alarms.module.css";
import { AlarmRow } from "./alarm-row";

interface Properties {
  /** Null: not known. */
  readonly alarms: readonly Alarm[] | null;
  readonly moment: Moment;
  readonly initialsOf: (patient: string) => string;
  /** The patient whose limits are shown. */
  readonly chosen: string | null;
  readonly onChoose: (patient: string) => void;
}

const { columns } = alarmTexts;

/** What stands now, the most urgent first. Nothing is filtered here. */
export function ActiveAlarms({ alarms, moment, initialsOf, chosen, onChoose }: Properties) {
  const first = alarms?.find(({ patient }) => patient === chosen);
  return (
    <Card label={alarmTexts.active} className={styles["card"]}>
      {alarms === null ? (
        <PanelNotice failed text={alarmTexts.unknown} />
      ) : alarms.length === 0 ? (
        <PanelNotice text={alarmTexts.none} />
      ) : (
        <table className={`${table["table"] ?? ""} ${styles["alarms"] ?? ""}`}>
          <thead>
            <tr>
              <th scope="col">{columns.priority}</th>
              <th scope="col">{columns.bed}</th>
              <th scope="col">{columns.alarm}</th>
              <th scope="col" data-end>{columns.value}</th>
              <th scope="col" data-end>{columns.for}</th>
              <th scope="col">{columns.state}</th>
              <th scope="col">
                <span className={hidden["hidden"]}>{columns.actions}</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {alarms.map((alarm) => (
              <AlarmRow
                key={alarm.id}
                alarm={alarm}
                initials={initialsOf(alarm.patient)}
                moment={moment}
                isChosen={alarm.id === first?.id}
                onChoose={() => { onChoose(alarm.patient); }}
              />
            ))}
          </tbody>
        </table>
      )}
    </Card>
  );
}
