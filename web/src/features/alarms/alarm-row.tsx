import { BellOff, Check, Plug, Undo2 } from "lucide-react";
import { Link } from "wouter";

import { Button, IconButton } from "../../design/button";
import { alarmName, derivedText } from "../../design/format/alarm-text";
import { formatValue } from "../../design/format/numbers";
import { formatDuration } from "../../design/format/times";
import { PriorityMark } from "../../design/marks";
import { Tag } from "../../design/tag";
import { texts } from "../../design/texts";
import { alarmTexts } from "../../design/texts-alarms";
import { useDelayed } from "../../design/use-delayed";
import { useWindowSize } from "../../design/use-window-size";
import { isLatched, loudness } from "../../live/alarms";
import type { Alarm } from "../../live/messages";
import { acknowledgeProblem, useAcknowledge, usePause } from "../../session/actions";
import { bannerAlarm, type Moment } from "../../session/readings";
import { useSession } from "../../session/session";
import styles from "./active-alarms.module.css";

const PHONE_PX = 700; // a thumb slips: there, five seconds remain to take it back

interface Properties {
  readonly alarm: Alarm;
  readonly initials: string;
  readonly moment: Moment;
  readonly isChosen: boolean;
  readonly onChoose: () => void;
}

export function AlarmRow({ alarm, initials, moment, isChosen, onChoose }: Properties) {
  const { nowMs } = moment;
  const loud = loudness(alarm, nowMs);
  const name = alarmName(alarm);
  const bed = alarm.bed ?? "–";
  return (
    <tr
      data-testid={`alarm-row-${bed}-${alarm.measure ?? alarm.condition}`}
      data-alarm-row={alarm.id}
      data-loudness={loud}
      data-latched={isLatched(alarm) || undefined}
      data-chosen={isChosen}
    >
      <td className={styles["priority"]}>
        <PriorityMark priority={alarm.priority} outline={loud !== "active"} />
        <span aria-hidden="true">{texts.priorities[alarm.priority]}</span>
      </td>
      <td className={styles["bed"]}>
        <Link href={`/patient/${alarm.patient}`} aria-label={alarmTexts.open(bed)} data-word={alarmTexts.columns.bed}>
          {bed}
        </Link>
        <small>{initials}</small>
      </td>
      <td className={styles["alarm"]}>
        <button type="button" className={styles["name"]} data-choose aria-pressed={isChosen} aria-label={alarmTexts.select(bed, name)} onClick={onChoose}>
          {name}
        </button>
        {alarm.kind === "technical" && (
          <small>
            <Plug size={13} aria-hidden="true" />
            {alarmTexts.technical}
          </small>
        )}
        {alarm.unsure && <small>? {alarmTexts.unsure}</small>}
        {alarm.derived && <small>{derivedText(alarm)}</small>}
      </td>
      <AlarmValue alarm={alarm} moment={moment} />
      <td className={styles["for"]} data-end>
        {formatDuration((nowMs - Date.parse(alarm.since)) / 1000)}
      </td>
      <td className={styles["state"]}>
        <AlarmState alarm={alarm} moment={moment} />
      </td>
      <td className={styles["actions"]}>
        {loud !== "acknowledged" && <RowActions alarm={alarm} bed={bed} isMain={isChosen} isPaused={loud === "silenced"} />}
      </td>
    </tr>
  );
}

export function AlarmValue({ alarm, moment }: { readonly alarm: Alarm; readonly moment: Moment }) {
  const decimals = moment.measures.get(alarm.measure ?? "")?.decimals ?? 0;
  return (
    <td className={styles["value"]} data-end>
      {alarm.value === null ? (
        <span data-none>–</span>
      ) : (
        <>
          <b>{formatValue(alarm.value, decimals)}</b>{" "}
          {alarm.limit !== null && alarm.relation !== null && (
            <span>
              {alarm.relation} {formatValue(alarm.limit, decimals)}
            </span>
          )}
        </>
      )}
    </td>
  );
}

function AlarmState({ alarm, moment }: { readonly alarm: Alarm; readonly moment: Moment }) {
  const loud = loudness(alarm, moment.nowMs);
  switch (loud) {
    case "silenced": {
      const { pauseLeftS } = bannerAlarm(alarm, moment.measures, moment.nowMs);
      return (
        <Tag>
          <BellOff size={13} aria-hidden="true" />
          {alarmTexts.states.silenced(formatDuration(pauseLeftS))}
        </Tag>
      );
    }
    case "acknowledged":
      return (
        <>
          <Tag>
            <Check size={13} aria-hidden="true" />
            {alarmTexts.states.acknowledged}
          </Tag>
          {alarm.acknowledged_by !== null && <small>{alarmTexts.states.by(alarm.acknowledged_by)}</small>}
        </>
      );
    case "active":
      return <Tag look="on">{isLatched(alarm) ? alarmTexts.states.latched : alarmTexts.states.active}</Tag>;
    default:
      return loud satisfies never;
  }
}

interface ActionProperties {
  readonly alarm: Alarm;
  readonly bed: string;
  readonly isMain: boolean;
  readonly isPaused: boolean;
}

/** Acknowledge and pause; both wait for the server, and say so when it does not do it. */
function RowActions({ alarm, bed, isMain, isPaused }: ActionProperties) {
  const { me } = useSession();
  const acknowledge = useAcknowledge();
  const pause = usePause();
  const phone = useWindowSize().width <= PHONE_PX;
  const delayed = useDelayed(() => {
    acknowledge.mutate(alarm.id);
  });
  if (!me.permissions.includes("act_on_alarms")) return null;
  return (
    <>
      <Button
        {...(isMain ? { look: "main" as const } : {})}
        {...(phone ? {} : { size: "small" as const })}
        data-testid={`ack-${alarm.id}`}
        disabled={acknowledge.isPending}
        onClick={() => {
          if (delayed.leftS !== null) delayed.undo();
          else if (phone) delayed.start();
          else acknowledge.mutate(alarm.id);
        }}
      >
        {delayed.leftS !== null && <Undo2 size={16} aria-hidden="true" />}
        {delayed.leftS !== null ? texts.acknowledge.undo(delayed.leftS) : acknowledge.isPending ? alarmTexts.waiting : texts.acknowledge.action}
      </Button>
      <IconButton
        label={alarmTexts.pauseOf(bed)}
        disabled={pause.isPending || isPaused}
        onClick={() => { pause.mutate({ patient: alarm.patient, minutes: 2 }); }}
      >
        <BellOff size={16} strokeWidth={1.8} aria-hidden="true" />
      </IconButton>
      {acknowledge.isError && (
        <span className={styles["problem"]} role="alert">
          {acknowledgeProblem(acknowledge.error)}
        </span>
      )}
      {pause.isError && (
        <span className={styles["problem"]} role="alert">
          {alarmTexts.pauseFailed}
        </span>
      )}
    </>
  );
}
