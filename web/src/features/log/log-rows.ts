/** What the rows of the event log say. Pure, so that it can be tested without a page. */
import type { LogEntry } from "../../api/log-queries";
import { alarmMessage } from "../../design/format/alarm-text";
import { actText, eventText } from "../../design/format/event-text";
import { formatDay, formatTimeOfDay } from "../../design/format/times";
import type { Priority } from "../../design/marks";
import { texts } from "../../design/texts";
import { eventTexts } from "../../design/texts-events";
import { logTexts } from "../../design/texts-log";
import { parseAlarm } from "../../live/messages";

export type LogRange = "8h" | "today" | "7d" | "30d";

const DAYS = { "8h": 0, today: 0, "7d": 6, "30d": 29 } as const;

/** When the range begins; steady within an hour, so that it can be the key of a question. */
export function beginOf(range: LogRange, nowMs: number): number {
  if (range === "8h") return new Date(nowMs).setMinutes(0, 0, 0) - 7 * 3_600_000;
  const day = new Date(nowMs);
  day.setHours(0, 0, 0, 0);
  return day.setDate(day.getDate() - DAYS[range]);
}

export interface Row {
  readonly entry: LogEntry;
  readonly text: string;
  /** The mark of an alarm; an outline when it does not call (any more). */
  readonly mark: { readonly priority: Priority; readonly outline: boolean } | null;
  readonly by: string;
}

export function rowOf(entry: LogEntry, decimals: (measure: string) => number): Row {
  const alarm = entry.kind === "alarm" ? parseAlarm(entry.data) : null;
  const by = entry.by_name ?? entry.by ?? logTexts.system;
  if (alarm === null) {
    const facts = { kind: entry.kind, data: entry.data, outcome: entry.outcome };
    return { entry, by, mark: null, text: isAct(entry) ? actText(facts) : eventText(facts) };
  }
  const message = alarmMessage(alarm, decimals(alarm.measure ?? ""));
  const priority = texts.priorities[alarm.priority];
  const words = eventTexts.alarms;
  const calls = alarm.state === "active" && alarm.paused_until === null;
  const told = ((): string => {
    switch (alarm.state) {
      case "active":
        if (entry.data["revision"] === 1) return words.started(priority, message);
        return alarm.paused_until === null ? words.goesOn(priority, message) : words.paused(message);
      case "acknowledged":
        return words.acknowledged(message);
      case "cleared":
        return words.cleared(priority, message);
      case "ended":
        return words.ended(priority, message);
      default:
        return alarm.state satisfies never;
    }
  })();
  return { entry, by, text: told, mark: { priority: alarm.priority, outline: !calls } };
}

/** Done by a person or a program, and not something that happened. */
export function isAct(entry: LogEntry): boolean {
  return entry.id.startsWith("act.");
}

/** Whether every word that was typed is somewhere in the row. */
export function matches({ entry, text, by }: Row, typed: string): boolean {
  const hay = [text, by, entry.by ?? "", entry.bed === null ? "" : `bed ${entry.bed}`, entry.device ?? "", logTexts.topics[entry.topic] ?? "", entry.reason ?? ""]
    .join(" ")
    .toLowerCase();
  return typed.toLowerCase().split(/\s+/).every((word) => hay.includes(word));
}

/** What is shown, for a table; no cell is a formula to those who open it. */
export function csvOf(rows: readonly Row[]): string {
  const lines = rows.map(({ entry, text, by }) => {
    const at = Date.parse(entry.t);
    return [
      entry.t,
      `${formatDay(at)} ${formatTimeOfDay(at)}`,
      logTexts.topics[entry.topic] ?? entry.topic,
      entry.kind,
      entry.severity,
      entry.bed,
      entry.patient,
      entry.device,
      text,
      entry.outcome,
      entry.reason,
      entry.by,
      by,
      entry.source,
      entry.id,
    ];
  });
  return [logTexts.csv, ...lines].map((cells) => cells.map(cell).join(",")).join("\r\n") + "\r\n";
}

function cell(value: string | null): string {
  const text = value ?? "";
  const plain = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain;
}
