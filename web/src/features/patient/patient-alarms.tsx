import { Check, Undo2 } from "lucide-react";

import { Button } from "../../design/button";
import { alarmName, derivedText } from "../../design/format/alarm-text";
import { formatQuantity } from "../../design/format/numbers";
import { formatDuration, formatTimeOfDay } from "../../design/format/times";
import { PriorityMark } from "../../design/marks";
import { texts } from "../../design/texts";
import { useDelayed } from "../../design/use-delayed";
import { useWindowSize } from "../../design/use-window-size";
import { vitalDisplay } from "../../design/vital-display";
import type { Alarm } from "../../live/messages";
import { acknowledgeProblem, useAcknowledge } from "../../session/actions";
import { PauseControl } from "../../session/pause-control";
import { bannerAlarm, type Moment } from "../../session/readings";
import styles from "./patient-alarms.module.css";

const PHONE_PX = 700; // a thumb slips: there, five seconds remain to take it back

interface Properties {
  readonly patient: string;
  readonly alarms: readonly Alarm[];
  readonly moment: Moment;
}

/** The worst alarm in full, the others beside it, and what can be done. */
export function PatientAlarms({ patient, alarms, moment }: Properties) {
  const [worst, ...others] = alarms;
  if (worst === undefined) {
    if (moment.live.alarms.known || !moment.linked) return null; // a lost link has a notice of its own
    return <p className={styles["unknown"]}>{texts.ward.unknown}</p>;
  }
  const banner = bannerAlarm(worst, moment.measures, moment.nowMs);
  return (
    <div
      className={styles["banner"]}
      data-testid={`banner-${worst.bed ?? patient}`}
      data-alarm={worst.id}
      data-priority={banner.priority}
      data-loudness={banner.loudness}
      data-technical={banner.technical || undefined}
      data-latched={banner.latched || undefined}
    >
      <b className={styles["mark"]}>{texts.marks[banner.priority]}</b>
      <strong>{alarmName(worst)}</strong>
      <Facts alarm={worst} moment={moment} />
      <time className={styles["age"]}>{formatDuration(banner.standingS)}</time>
      {banner.loudness === "silenced" && <span className={styles["state"]}>{texts.sound.paused(formatDuration(banner.pauseLeftS))}</span>}
      {banner.loudness === "acknowledged" && (
        <span className={styles["state"]}>
          <Check size={16} aria-hidden="true" />
          {banner.seenBy === null ? texts.acknowledge.seen : texts.acknowledge.by(banner.seenBy)}
        </span>
      )}
      {others.length > 0 && (
        <span className={styles["more"]}>
          {others.map((alarm) => (
            <span key={alarm.id}>
              <PriorityMark priority={alarm.priority} outline={alarm.state === "acknowledged"} />
              {bannerAlarm(alarm, moment.measures, moment.nowMs).text}
            </span>
          ))}
        </span>
      )}
      <Actions alarm={worst} patient={patient} calls={banner.loudness !== "acknowledged"} />
    </div>
  );
}

function Facts({ alarm, moment }: { readonly alarm: Alarm; readonly moment: Moment }) {
  const row = moment.measures.get(alarm.measure ?? "");
  const unit = vitalDisplay(alarm.measure ?? "").unit ?? alarm.unit ?? row?.unit ?? "";
  const decimals = row?.decimals ?? 0;
  return (
    <>
      {alarm.value !== null && alarm.limit !== null && (
        <span className={styles["fact"]}>
          {alarm.unsure && "? "}
          {texts.patient.limit(formatQuantity(alarm.value, decimals, unit), formatQuantity(alarm.limit, decimals, unit))}
        </span>
      )}
      {alarm.derived && <span className={styles["fact"]}>{derivedText(alarm)}</span>}
      {alarm.state === "cleared" && <span className={styles["fact"]}>{texts.patient.ended}</span>}
      <span className={styles["fact"]} data-long="true">
        {texts.patient.since(formatTimeOfDay(Date.parse(alarm.since)))}
      </span>
    </>
  );
}

function Actions({ alarm, patient, calls }: { readonly alarm: Alarm; readonly patient: string; readonly calls: boolean }) {
  const acknowledge = useAcknowledge();
  const phone = useWindowSize().width <= PHONE_PX;
  const delayed = useDelayed(() => {
    acknowledge.mutate(alarm.id);
  });
  if (!calls) return null;
  const words = acknowledge.isPending ? texts.acknowledge.waiting : texts.acknowledge.action;
  return (
    <span className={styles["actions"]}>
      {acknowledge.isError && (
        <span className={styles["problem"]} role="alert">
          {acknowledgeProblem(acknowledge.error)}
        </span>
      )}
      <Button
        look="on-alarm"
        data-testid="ack"
        disabled={acknowledge.isPending}
        onClick={() => {
          if (delayed.leftS !== null) delayed.undo();
          else if (phone) delayed.start();
          else acknowledge.mutate(alarm.id);
        }}
      >
        {delayed.leftS === null ? <Check size={16} aria-hidden="true" /> : <Undo2 size={16} aria-hidden="true" />}
        {delayed.leftS === null ? words : texts.acknowledge.undo(delayed.leftS)}
      </Button>
      <PauseControl target={{ patient }} onAlarm />
    </span>
  );
}
