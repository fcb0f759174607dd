import { BellOff, Check, Plug } from "lucide-react";

import styles from "./alarm-banner.module.css";
import { formatDuration } from "./format/times";
import type { Priority } from "./marks";
import { texts } from "./texts";

export interface BannerAlarm {
  readonly priority: Priority;
  readonly loudness: "active" | "silenced" | "acknowledged";
  readonly technical: boolean;
  readonly latched: boolean;
  readonly unsure: boolean;
  readonly text: string;
  /** The same where there is little room. */
  readonly short: string;
  readonly standingS: number;
  readonly pauseLeftS: number;
  readonly seenBy: string | null;
}

interface Properties {
  readonly alarm: BannerAlarm;
  readonly brief: boolean;
  /** Alarms of this patient besides this one. */
  readonly more: number;
  readonly testId: string;
}

/** The worst alarm of a patient in a tile: what, by how much, for how long. */
export function AlarmBanner({ alarm, brief, more, testId }: Properties) {
  return (
    <div
      className={styles["banner"]}
      data-testid={testId}
      data-priority={alarm.priority}
      data-loudness={alarm.loudness}
      data-technical={alarm.technical || undefined}
      data-latched={alarm.latched || undefined}
    >
      <b className={styles["mark"]}>{texts.marks[alarm.priority]}</b>
      {alarm.technical && <Plug size={14} aria-hidden="true" />}
      <span className={styles["text"]}>
        {alarm.unsure && "? "}
        {brief ? alarm.short : alarm.text}
      </span>
      {more > 0 && <span className={styles["more"]}>{texts.alarm.more(more)}</span>}
      <BannerState alarm={alarm} />
    </div>
  );
}

function BannerState({ alarm }: { readonly alarm: BannerAlarm }) {
  const age = <time className={styles["age"]}>{formatDuration(alarm.standingS)}</time>;
  switch (alarm.loudness) {
    case "silenced":
      return (
        <span className={styles["state"]}>
          <BellOff size={14} aria-hidden="true" />
          {formatDuration(alarm.pauseLeftS)}
        </span>
      );
    case "acknowledged":
      return (
        <>
          <span className={styles["state"]}>
            <Check size={14} aria-hidden="true" />
            <span>{alarm.seenBy ?? texts.acknowledge.seen}</span>
          </span>
          {age}
        </>
      );
    case "active":
      return (
        <>
          {alarm.latched && <span className={styles["state"]}>{texts.patient.ended}</span>}
          {age}
        </>
      );
    default:
      return alarm.loudness satisfies never;
  }
}
