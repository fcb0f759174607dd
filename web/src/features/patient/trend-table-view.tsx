import { formatValue } from "../../design/format/numbers";
import { formatDayTime } from "../../design/format/times";
import { PriorityMark } from "../../design/marks";
import { texts } from "../../design/texts";
import { zoneText } from "./trend-axis";
import type { Lane } from "./trend-board";
import type { TimeRange } from "./trend-data";
import { endText, type Happening } from "./trend-markers";
import { type TableCell, trendTable } from "./trend-table";
import styles from "./trends.module.css";

interface Properties {
  readonly lanes: readonly Lane[];
  readonly range: TimeRange;
  readonly happened: readonly Happening[];
}

/** The same as the chart, to be read or heard. */
export function TrendTable({ lanes, range, happened }: Properties) {
  const rows = trendTable(
    lanes.map(({ data }) => data),
    range,
  );
  const lengthMs = (range.toMs - range.fromMs) / rows.length;
  return (
    <div className={styles["tableBox"]} tabIndex={0} role="region" aria-label={texts.patient.trends}>
      <table className={styles["table"]}>
        <caption>{texts.patient.trendTable(zoneText(range))}</caption>
        <thead>
          <tr>
            <th scope="col">{texts.patient.time}</th>
            {lanes.map(({ measure, vital, unit }) => (
              <th key={measure} scope="col">
                {vital.short} {unit}
              </th>
            ))}
            <th scope="col">{texts.patient.markers}</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ fromMs, cells }) => (
            <tr key={fromMs}>
              <th scope="row">{formatDayTime(fromMs)}</th>
              {lanes.map(({ measure, decimals }, index) => (
                <td key={measure}>{cellText(cells[index] ?? null, decimals)}</td>
              ))}
              <td>
                {happened
                  .filter(({ atMs }) => atMs >= fromMs && atMs < fromMs + lengthMs)
                  .map((happening) => (
                    <span key={happening.id} className={styles["told"]}>
                      {happening.priority !== null && <PriorityMark priority={happening.priority} />}
                      {[happening.text, endText(happening)].filter((part) => part !== "").join(", ")}
                    </span>
                  ))}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function cellText(cell: TableCell | null, decimals: number): string {
  if (cell === null) return "–";
  const [low, high] = [formatValue(cell.low, decimals), formatValue(cell.high, decimals)];
  const mean = formatValue(cell.mean, decimals);
  return low === high ? mean : `${mean} (${low}–${high})`;
}
