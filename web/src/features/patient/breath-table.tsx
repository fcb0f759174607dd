import { formatValue } from "../../design/format/numbers";
import { formatTimeOfDay } from "../../design/format/times";
import { breathTexts as words } from "../../design/texts-breaths";
import styles from "./breath-card.module.css";
import { type Blow, valueOf, verdictOf } from "./breath-session";

const SHOWN = [
  { measure: "fev1", head: "FEV1, L", decimals: 2 },
  { measure: "fvc", head: "FVC, L", decimals: 2 },
  { measure: "pef", head: "PEF, L/min", decimals: 0 },
] as const;

/** Each breath of a session, the newest first, and why it does not count where it does not. */
export function BreathTable({ breaths }: { readonly breaths: readonly Blow[] }) {
  return (
    <table className={styles["breaths"]} aria-label={words.breaths}>
      <thead>
        <tr>
          <th scope="col">{words.columns.time}</th>
          {SHOWN.map(({ measure, head }) => (
            <th key={measure} scope="col" data-end>
              {head}
            </th>
          ))}
          <th scope="col">{words.columns.verdict}</th>
        </tr>
      </thead>
      <tbody>
        {breaths.map((blow) => (
          <tr key={blow.t} data-counts={blow.verdict === null ? undefined : blow.verdict.fev1 && blow.verdict.fvc}>
            <td>{formatTimeOfDay(Date.parse(blow.t))}</td>
            {SHOWN.map(({ measure, decimals }) => (
              <td key={measure} data-end>
                {formatValue(valueOf(blow, measure)?.value ?? null, decimals)}
              </td>
            ))}
            <td>{verdictOf(blow)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
