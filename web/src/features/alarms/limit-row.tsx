import { RotateCcw, TriangleAlert } from "lucide-react";
import { useId } from "react";

import { isLeaving, isOwn, type PatientLimit } from "../../api/alarm-queries";
import { IconButton } from "../../design/button";
import field from "../../design/field.module.css";
import { formatValue } from "../../design/format/numbers";
import { formatDay, formatHourMinute } from "../../design/format/times";
import type { Reading } from "../../design/measure";
import { Stepper } from "../../design/stepper";
import { alarmTexts } from "../../design/texts-alarms";
import { type Draft, isChanged, isLess, problemOfDraft, type Range } from "./limit-drafts";
import styles from "./limit-editor.module.css";
import { LimitTrack } from "./limit-track";

const words = alarmTexts.limits;

interface Properties {
  readonly limit: PatientLimit;
  readonly draft: Draft;
  readonly range: Range;
  readonly reading: Reading;
  /** Null: may only be looked at. */
  readonly onChange: ((draft: Draft) => void) | null;
}

export function LimitRow({ limit, draft, range, reading, onChange }: Properties) {
  const { vital, decimals } = reading;
  const problem = problemOfDraft(limit, draft, range);
  const disabled = onChange === null || !draft.enabled || draft.toDefault;
  const change = (part: Partial<Draft>): void => {
    onChange?.({ ...draft, toDefault: false, ...part });
  };
  const out = isOut(reading.value, draft);
  const wrong = problem === "outside" || problem === "crossed";
  return (
    <div className={styles["limit"]} style={{ "--ink": `var(${vital.ink})` }} data-testid={`limit-${TEST_NAMES[limit.measure] ?? limit.measure}`} role="group" aria-label={vital.name}>
      <div className={styles["title"]}>
        <b>{vital.name}</b>
        <span>{reading.unit}</span>
        {limit.delay_s !== null && limit.delay_s > 0 && <span>{words.after(formatValue(limit.delay_s, 0))}</span>}
        <span className={styles["now"]} data-out={out} data-priority={reading.alarm?.priority}>
          {words.now(formatValue(reading.value, decimals))}
        </span>
        {onChange !== null && (isOwn(limit) || draft.toDefault) && (
          <IconButton label={words.resetOne(vital.name)} aria-pressed={draft.toDefault} onClick={() => { change({ toDefault: !draft.toDefault }); }}>
            <RotateCcw size={15} aria-hidden="true" />
          </IconButton>
        )}
        <input
          type="checkbox"
          role="switch"
          className={field["switch"]}
          aria-label={words.alarms(vital.name)}
          checked={draft.enabled}
          disabled={onChange === null || draft.toDefault}
          onChange={(event) => { change({ enabled: event.target.checked }); }}
        />
      </div>
      <div className={styles["pair"]}>
        <Stepper label={words.low(vital.name)} value={draft.low} decimals={decimals} start={limit.low ?? startOf(range, reading.value)} disabled={disabled} wrong={wrong} onChange={(low) => { change({ low }); }} />
        <LimitTrack reading={reading} draft={draft} range={range} disabled={disabled} isOut={out} onChange={change} />
        <Stepper label={words.high(vital.name)} value={draft.high} decimals={decimals} start={limit.high ?? startOf(range, reading.value)} disabled={disabled} wrong={wrong} onChange={(high) => { change({ high }); }} />
      </div>
      <Remark limit={limit} draft={draft} range={range} decimals={decimals} onChange={change} />
    </div>
  );
}

const TEST_NAMES: Readonly<Record<string, string>> = { heart_rate: "hr", pulse_rate: "pr", respiration_rate: "rr", temperature: "temp" };

interface RemarkProperties {
  readonly limit: PatientLimit;
  readonly draft: Draft;
  readonly range: Range;
  readonly decimals: number;
  readonly onChange: (part: Partial<Draft>) => void;
}

/** Under a limit: what is wrong with a change, the reason that it wants, or where it comes from. */
function Remark({ limit, draft, range, decimals, onChange }: RemarkProperties) {
  const id = useId();
  const problem = problemOfDraft(limit, draft, range);
  if (draft.toDefault) return <p className={styles["remark"]}>{words.willReset}</p>;
  if (problem === "outside" || problem === "crossed") {
    const { outside, crossed } = words.problems;
    return (
      <p className={styles["remark"]} data-wrong role="alert">
        <TriangleAlert size={14} aria-hidden="true" />
        {problem === "crossed" ? crossed : outside(formatValue(range.low, decimals), formatValue(range.high, decimals))}
      </p>
    );
  }
  if (isChanged(limit, draft) && isLess(limit, draft)) {
    return (
      <div className={styles["remark"]} data-ask>
        <label htmlFor={id}>{words.askReason}</label>
        <input id={id} className={field["input"]} maxLength={200} autoComplete="off" required value={draft.reason} onChange={(event) => { onChange({ reason: event.target.value }); }} />
      </div>
    );
  }
  if (isLeaving(limit)) return <p className={styles["remark"]}>{words.leaving}</p>;
  if (!isOwn(limit)) return <p className={styles["remark"]}>{limit.enabled ? sourceText(limit.source) : words.off}</p>;
  const at = limit.changed_at === null ? null : Date.parse(limit.changed_at);
  const when = at === null ? "" : `${formatDay(at)} ${formatHourMinute(at)}`;
  return (
    <p className={styles["remark"]} data-own>
      <TriangleAlert size={14} aria-hidden="true" />
      <span>
        {limit.changed_by === null ? words.sources["patient"] : words.setBy(limit.changed_by, when)}{" "}
        {limit.reason !== null && words.reason(limit.reason)}
      </span>
    </p>
  );
}

/** `default 2026-11-1, adult` is told as "Default for the age, adult". */
function sourceText(source: string): string {
  const [kind = ""] = source.split(" ");
  const [, ...details] = source.split(", ");
  return [words.sources[kind] ?? source, ...details].join(", ");
}

function isOut(value: number | null, { low, high, enabled }: Draft): boolean {
  if (value === null || !enabled) return false;
  return (low !== null && value < low) || (high !== null && value > high);
}

/** Where stepping begins when there was no limit: at what is measured now. */
function startOf(range: Range, value: number | null): number {
  return value === null ? Math.round((range.low + range.high) / 2) : Math.round(value);
}
