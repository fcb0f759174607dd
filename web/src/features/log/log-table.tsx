import { Activity, Bell, Cpu, type LucideIcon, Pencil, Send, Server, Unplug, UserRound, Users } from "lucide-react";
import { Link } from "wouter";

import type { Topic } from "../../api/log-queries";
import { formatDay, formatTimeOfDay } from "../../design/format/times";
import { PriorityMark } from "../../design/marks";
import table from "../../design/table.module.css";
import { logTexts } from "../../design/texts-log";
import styles from "./log-page.module.css";
import type { Row } from "./log-rows";

const ICONS: Readonly<Record<Topic, LucideIcon>> = {
  alarm: Bell,
  limits: Pencil,
  assignment: Users,
  command: Send,
  device: Cpu,
  connection: Unplug,
  measurement: Activity,
  account: UserRound,
  system: Server,
};
const { columns } = logTexts;

interface Properties {
  readonly rows: readonly Row[];
  /** Days are named where there is more than one. */
  readonly days: boolean;
}

export function LogTable({ rows, days }: Properties) {
  return (
    <table className={`${table["table"] ?? ""} ${styles["log"] ?? ""}`} aria-label={logTexts.list}>
      <thead>
        <tr>
          <th scope="col">{columns.time}</th>
          <th scope="col">{columns.kind}</th>
          <th scope="col">{columns.bed}</th>
          <th scope="col">{columns.event}</th>
          <th scope="col">{columns.by}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <LogRow key={row.entry.id} row={row} days={days} />
        ))}
      </tbody>
    </table>
  );
}

function LogRow({ row: { entry, text, mark, by }, days }: { readonly row: Row; readonly days: boolean }) {
  const at = Date.parse(entry.t);
  const Icon = ICONS[entry.topic];
  const loud = mark === null && (entry.severity === "medium" || entry.severity === "high");
  return (
    <tr data-testid={`log-${entry.kind}`} data-id={entry.id}>
      <td className={styles["time"]}>
        <time dateTime={entry.t} title={entry.t.replace("T", " ")}>
          {days && <small>{formatDay(at)} </small>}
          {formatTimeOfDay(at)}
        </time>
      </td>
      <td className={styles["kind"]}>
        <Icon size={16} strokeWidth={1.8} aria-hidden="true" />
        {logTexts.topics[entry.topic]}
      </td>
      <td className={styles["bed"]}>
        {entry.patient === null ? (
          "–"
        ) : (
          <Link href={`/patient/${entry.patient}`} aria-label={logTexts.openBed(entry.bed ?? entry.patient)}>
            {entry.bed ?? entry.patient}
          </Link>
        )}
      </td>
      <td className={styles["event"]}>
        {mark !== null && <PriorityMark priority={mark.priority} outline={mark.outline} />}
        {loud && <PriorityMark priority={entry.severity === "high" ? "high" : "medium"} outline />}
        <span>
          {text}
          {entry.reason !== null && <small>, {entry.reason}</small>}
        </span>
        {entry.device !== null && entry.topic !== "alarm" && (
          <Link className={styles["device"]} href={`/devices?device=${entry.device}`} aria-label={logTexts.openDevice(entry.device)}>
            {entry.device}
          </Link>
        )}
      </td>
      <td className={styles["by"]}>
        {entry.by === null ? (
          by
        ) : (
          <Link href={`/log?user=${encodeURIComponent(entry.by)}`} aria-label={logTexts.onlyUser(by)}>
            {by}
          </Link>
        )}
      </td>
    </tr>
  );
}
