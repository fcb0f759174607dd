import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useSearchParams } from "wouter";

import { patientsQuery, wardQuery } from "../../api/queries";
import { PanelNotice } from "../../design/notice";
import { PageFrame } from "../../design/page-frame";
import { alarmTexts } from "../../design/texts-alarms";
import { loudness, urgency } from "../../live/alarms";
import type { Alarm } from "../../live/messages";
import { PauseControl } from "../../session/pause-control";
import { useLinked, useServerNow, useSession, useWatched } from "../../session/session";
import { ActiveAlarms } from "./active-alarms";
import { AlarmHistory } from "./alarm-history";
import styles from "./alarms-page.module.css";
import { LimitEditor } from "./limit-editor";
import { useAlarmKeys } from "./use-alarm-keys";

/** Every alarm of the ward: what stands, what was, and the limits that raise it. */
export function AlarmsPage() {
  const { ward } = useSession();
  if (ward === null) return <PanelNotice text={alarmTexts.noWard} />;
  return <WardAlarms key={ward} ward={ward} />;
}

function WardAlarms({ ward }: { readonly ward: string }) {
  const { api, live, measures } = useSession();
  const nowMs = useServerNow();
  const linked = useLinked();
  useWatched(live.alarmVersion);
  const { data } = useQuery(wardQuery(api, ward));
  const { data: patients } = useQuery(patientsQuery(api));
  const [asked] = useSearchParams(); // a patient's page leads to that patient's limits
  const [chosen, setChosen] = useState(asked.get("patient"));

  const known = linked && live.alarms.known;
  const alarms = known ? sortAlarms(live.alarms.all().filter((alarm) => alarm.ward === ward), nowMs) : [];
  const beds = (data?.beds ?? []).flatMap(({ key, patient }) => (patient === null ? [] : [{ bed: key, ...patient }]));
  const patient = beds.find(({ key }) => key === chosen) ?? beds.find(({ key }) => key === alarms[0]?.patient) ?? beds[0];
  const active = alarms.filter((alarm) => loudness(alarm, nowMs) === "active").length;
  const moment = { live, measures, nowMs, linked };
  useAlarmKeys(ward);

  return (
    <PageFrame
      title={alarmTexts.title}
      note={known ? alarmTexts.counts(active, alarms.length - active) : alarmTexts.unknownCounts}
      actions={<PauseControl target={{ ward }} />}
    >
      <div className={styles["grid"]}>
        <ActiveAlarms
          alarms={known ? alarms : null}
          moment={moment}
          initialsOf={(key) => beds.find((bed) => bed.key === key)?.initials ?? ""}
          chosen={patient?.key ?? null}
          onChoose={setChosen}
        />
        {patient !== undefined && (
          <LimitEditor
            key={patient.key}
            patient={patient}
            beds={beds}
            birthDate={patients?.get(patient.key)?.birth_date ?? null}
            moment={moment}
            onChoose={setChosen}
          />
        )}
        <AlarmHistory ward={ward} beds={beds.length} moment={moment} />
      </div>
    </PageFrame>
  );
}

/** Active before quiet, by priority, physiological before technical; the newest first in each. */
function sortAlarms(alarms: readonly Alarm[], nowMs: number): Alarm[] {
  return [...alarms].sort(
    (one, other) => urgency(one, nowMs) - urgency(other, nowMs) || Date.parse(other.since) - Date.parse(one.since),
  );
}
