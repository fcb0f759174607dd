import { formatDay, formatHourMinute } from "../../design/format/times";
import hidden from "../../design/hidden.module.css";
import { alarmTexts } from "../../design/texts-alarms";
import type { Alarm } from "../../live/messages";
import styles from "./alarm-history.module.css";
import { bars, type HistoryRange } from "./past-alarms";

const PRIORITIES = ["high", "medium", "low"] as const;
const LABELS_AT_MOST = 13;
const words = alarmTexts.history;

interface Properties {
  readonly alarms: readonly Alarm[];
  readonly range: HistoryRange;
  readonly nowMs: number;
}

/** How many alarms began in each hour, or on each day of a week. */
export function AlarmBars({ alarms, range, nowMs }: Properties) {
  const shown = bars(alarms, range, nowMs);
  const most = Math.max(1, ...shown.map(({ high, medium, low }) => high + medium + low));
  const each = Math.ceil(shown.length / LABELS_AT_MOST);
  const name = (fromMs: number): string => (range === "7d" ? formatDay(fromMs) : formatHourMinute(fromMs));
  return (
    <ul className={styles["bars"]} aria-label={range === "7d" ? words.chartDays : words.chartHours}>
      {shown.map((bar, index) => (
        <li key={bar.fromMs} className={styles["bar"]} title={words.bar(name(bar.fromMs), bar.high, bar.medium, bar.low)}>
          {PRIORITIES.map((priority) =>
            bar[priority] === 0 ? null : (
              <i key={priority} data-priority={priority} style={{ height: `${String((96 * bar[priority]) / most)}%` }} />
            ),
          )}
          {index % each === 0 && <span aria-hidden="true">{range === "7d" ? name(bar.fromMs).slice(0, -4) : name(bar.fromMs).slice(0, 2)}</span>}
          <span className={hidden["hidden"]}>{words.bar(name(bar.fromMs), bar.high, bar.medium, bar.low)}</span>
        </li>
      ))}
      <li className={styles["most"]} aria-hidden="true">
        {most}
      </li>
    </ul>
  );
}
