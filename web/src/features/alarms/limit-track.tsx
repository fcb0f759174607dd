import type { Reading } from "../../design/measure";
import { formatValue } from "../../design/format/numbers";
import { alarmTexts } from "../../design/texts-alarms";
import type { Draft, Range } from "./limit-drafts";
import styles from "./limit-editor.module.css";

/** What a track shows of the plausible range: where limits are set in practice. */
const SCALES: Readonly<Record<string, Range>> = {
  heart_rate: { low: 30, high: 180 },
  pulse_rate: { low: 30, high: 180 },
  spo2: { low: 75, high: 100 },
  respiration_rate: { low: 2, high: 45 },
  time_since_breath: { low: 5, high: 60 },
  temperature: { low: 34, high: 41 },
};

interface Properties {
  readonly reading: Reading;
  readonly draft: Draft;
  readonly range: Range;
  readonly disabled: boolean;
  readonly isOut: boolean;
  readonly onChange: (part: Partial<Draft>) => void;
}

/** The limits on a line with the value of now; for the pointer only, the fields beside it are for all. */
export function LimitTrack({ reading, draft, range, disabled, isOut, onChange }: Properties) {
  const { decimals, vital } = reading;
  const scale = widened(SCALES[vital.key] ?? range, draft);
  const step = 10 ** -decimals;
  const part = (value: number): number => Math.max(0, Math.min(100, ((value - scale.low) / (scale.high - scale.low)) * 100));
  return (
    <div className={styles["track"]} aria-hidden="true" data-off={disabled}>
      <i
        className={styles["inside"]}
        style={{ insetInlineStart: `${String(draft.low === null ? 0 : part(draft.low))}%`, insetInlineEnd: `${String(draft.high === null ? 0 : 100 - part(draft.high))}%` }}
      />
      {reading.value !== null && <i className={styles["value"]} data-out={isOut} style={{ insetInlineStart: `${String(part(reading.value))}%` }} />}
      {(["low", "high"] as const).map((side) =>
        draft[side] === null ? null : (
          <input
            key={side}
            type="range"
            tabIndex={-1}
            title={alarmTexts.limits.slider}
            min={scale.low}
            max={scale.high}
            step={step}
            disabled={disabled}
            value={draft[side]}
            onChange={(event) => { onChange({ [side]: Number(Number(event.target.value).toFixed(decimals)) }); }}
          />
        ),
      )}
      <span>{formatValue(scale.low, decimals)}</span>
      <span>{formatValue(scale.high, decimals)}</span>
    </div>
  );
}

/** A scale on which both limits have a place. */
function widened(scale: Range, { low, high }: Draft): Range {
  const given = [low, high].filter((value) => value !== null);
  return { low: Math.min(scale.low, ...given), high: Math.max(scale.high, ...given) };
}
