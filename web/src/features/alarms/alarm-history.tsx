import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { pastAlarmsQuery } from "../../api/alarm-queries";
import { Button } from "../../design/button";
import { Card, CardHead } from "../../design/card";
import { alarmName } from "../../design/format/alarm-text";
import { formatValue } from "../../design/format/numbers";
import { formatDay, formatDuration, formatTimeOfDay } from "../../design/format/times";
import { PriorityMark } from "../../design/marks";
import { Loading } from "../../design/loading";
import { PanelNotice } from "../../design/notice";
import { SearchField } from "../../design/search-field";
import { Segments } from "../../design/segments";
import table from "../../design/table.module.css";
import { texts } from "../../design/texts";
import { alarmTexts } from "../../design/texts-alarms";
import type { Alarm } from "../../live/messages";
import type { Moment } from "../../session/readings";
import { useSession } from "../../session/session";
import { AlarmBars } from "./alarm-bars";
import styles from "./alarm-history.module.css";
import { AlarmValue } from "./alarm-row";
import { beginOf, filterAlarms, type HistoryRange, lastedS, merge, type Outcome, outcomeOf, summarise, type Wanted } from "./past-alarms";
import { useWhenChanged } from "./use-when-changed";

const words = alarmTexts.history;
const RANGES: readonly HistoryRange[] = ["8h", "today", "7d"];
const PRIORITIES = ["all", "high", "medium", "low"] as const;
const ROWS = 50;

interface Properties {
  readonly ward: string;
  readonly beds: number;
  readonly moment: Moment;
}

/** What called in the last hours or days, and what became of it. */
export function AlarmHistory({ ward, beds, moment }: Properties) {
  const { api } = useSession();
  const { live, nowMs } = moment;
  const [range, setRange] = useState<HistoryRange>("today");
  const [wanted, setWanted] = useState<Wanted>({ priority: "all", text: "" });
  const [rows, setRows] = useState(ROWS);
  const known = !Number.isNaN(nowMs);
  const fromMs = known ? beginOf(range, nowMs) : 0;
  const past = useQuery({ ...pastAlarmsQuery(api, ward, fromMs), enabled: known, placeholderData: keepPreviousData });

  const standing = live.alarms.known ? live.alarms.all().filter((alarm) => alarm.ward === ward) : null;
  // what became of an alarm stands here soon, not at the next look
  useWhenChanged(standing?.map(({ id, state }) => `${id} ${state}`).sort().join() ?? null, () => void past.refetch());
  const all = merge(past.data?.alarms ?? [], standing ?? [], fromMs);
  const found = filterAlarms(all, wanted, alarmName);
  const standingIds = standing === null ? null : new Set(standing.map(({ id }) => id));
  return (
    <Card label={words.title} className={styles["card"]}>
      <CardHead
        title={words.title}
        aside={
          <>
            <SearchField label={words.search} value={wanted.text} onChange={(text) => { setWanted({ ...wanted, text }); }} />
            <Segments
              small
              label={words.priority}
              value={wanted.priority}
              onChange={(priority) => { setWanted({ ...wanted, priority }); }}
              options={PRIORITIES.map((priority) =>
                priority === "all"
                  ? { value: priority, text: words.all }
                  : { value: priority, text: texts.marks[priority], label: texts.priorities[priority] },
              )}
            />
          </>
        }
      >
        <Segments small label={words.range} value={range} onChange={setRange} options={RANGES.map((value) => ({ value, text: words.ranges[value] }))} />
      </CardHead>
      {past.isError && past.data === undefined ? (
        <PanelNotice failed text={words.failed} action={<Button onClick={() => void past.refetch()}>{texts.ward.tryAgain}</Button>} />
      ) : past.data === undefined ? (
        <Loading className={styles["loading"]} />
      ) : (
        <>
          <div className={styles["figures"]}>
            <AlarmBars alarms={all} range={range} nowMs={nowMs} />
            <Facts alarms={all} beds={beds} range={range} nowMs={nowMs} />
          </div>
          {found.length === 0 ? (
            <PanelNotice text={all.length === 0 ? words.none : words.noMatch} />
          ) : (
            <PastTable alarms={found.slice(0, rows)} standing={standingIds} range={range} moment={moment} />
          )}
          <footer className={styles["foot"]}>
            {past.data.cut && <span>{words.cut(formatValue(all.length, 0))}</span>}
            {found.length > rows && (
              <Button size="small" onClick={() => { setRows(rows + ROWS); }}>
                {words.more(Math.min(ROWS, found.length - rows))}
              </Button>
            )}
          </footer>
        </>
      )}
    </Card>
  );
}

interface FactProperties {
  readonly alarms: readonly Alarm[];
  readonly beds: number;
  readonly range: HistoryRange;
  readonly nowMs: number;
}

function Facts({ alarms, beds, range, nowMs }: FactProperties) {
  const { perBedDay, medianToSeenS, endedAlone } = summarise(alarms, beds, range, nowMs);
  const facts = [
    [words.perBed, perBedDay === null ? "–" : formatValue(perBedDay, 1)],
    [words.toAcknowledge, medianToSeenS === null ? "–" : formatDuration(medianToSeenS)],
    [words.ended, endedAlone === null ? "–" : `${formatValue(100 * endedAlone, 0)}\u00a0%`],
  ] as const;
  return (
    <dl className={styles["facts"]}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

interface TableProperties {
  readonly alarms: readonly Alarm[];
  readonly standing: ReadonlySet<string> | null;
  readonly range: HistoryRange;
  readonly moment: Moment;
}

function PastTable({ alarms, standing, range, moment }: TableProperties) {
  const { columns } = words;
  return (
    <table className={`${table["table"] ?? ""} ${styles["past"] ?? ""}`}>
      <thead>
        <tr>
          <th scope="col">{columns.start}</th>
          <th scope="col">{columns.priority}</th>
          <th scope="col">{columns.bed}</th>
          <th scope="col">{columns.alarm}</th>
          <th scope="col" data-end>{columns.value}</th>
          <th scope="col" data-end>{columns.lasted}</th>
          <th scope="col">{columns.outcome}</th>
        </tr>
      </thead>
      <tbody>
        {alarms.map((alarm) => {
          const since = Date.parse(alarm.since);
          const outcome = outcomeOf(alarm, standing);
          return (
            <tr key={alarm.id} data-testid={`past-${alarm.bed ?? ""}-${alarm.condition}`}>
              <td className={styles["start"]}>
                {range === "7d" && <small>{formatDay(since)} </small>}
                {formatTimeOfDay(since)}
              </td>
              <td>
                <PriorityMark priority={alarm.priority} outline={alarm.state === "ended"} />
              </td>
              <td>
                <b>{alarm.bed ?? "–"}</b>
              </td>
              <td>{alarmName(alarm)}</td>
              <AlarmValue alarm={alarm} moment={moment} />
              <td data-end>{outcome.kind === "just-ended" ? "–" : formatDuration(lastedS(alarm, moment.nowMs))}</td>
              <td className={table["mute"]}>{outcomeText(outcome)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function outcomeText(outcome: Outcome): string {
  const { outcomes } = words;
  switch (outcome.kind) {
    case "active":
      return outcomes.active;
    case "latched":
      return outcomes.latched;
    case "ended":
      return outcomes.ended;
    case "just-ended":
      return outcomes.justEnded;
    case "standing":
      return outcomes.standing(outcome.by ?? words.somebody);
    case "seen":
      return outcomes.seen(formatDuration(outcome.afterS), outcome.by ?? words.somebody);
    default:
      return outcome satisfies never;
  }
}
