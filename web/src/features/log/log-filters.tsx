import { X } from "lucide-react";

import type { Severity, Topic } from "../../api/log-queries";
import field from "../../design/field.module.css";
import chip from "../../design/filter-chip.module.css";
import { logTexts } from "../../design/texts-log";
import styles from "./log-page.module.css";
import type { LogRange } from "./log-rows";

export const TOPICS: readonly Topic[] = ["alarm", "limits", "assignment", "command", "connection", "measurement", "device", "account", "system"];
export const RANGES: readonly LogRange[] = ["8h", "today", "7d", "30d"];
export const SEVERITIES: readonly Severity[] = ["high", "medium", "low", "info"];

/** Which part of the log is shown; it stands in the address, so that it survives a reload. */
export interface Choice {
  readonly topic: Topic | null;
  readonly severity: Severity | null;
  readonly range: LogRange;
}

interface Properties {
  readonly choice: Choice;
  /** Topics that this reader may find something under. */
  readonly topics: readonly Topic[];
  /** What alone is shown, beside the choice: its name in the address, and what it is called. */
  readonly only: readonly { readonly name: string; readonly text: string }[];
  readonly onChoose: (changed: Readonly<Record<string, string | null>>) => void;
}

export function LogFilters({ choice, topics, only, onChoose }: Properties) {
  return (
    <div className={styles["filters"]}>
      <div className={styles["topics"]} role="group" aria-label={logTexts.topic}>
        {[null, ...topics].map((topic) => (
          <button key={topic ?? ""} type="button" className={`${chip["chip"] ?? ""} ${styles["chip"] ?? ""}`} aria-pressed={choice.topic === topic} onClick={() => { onChoose({ topic }); }}>
            {topic === null ? logTexts.all : logTexts.topics[topic]}
          </button>
        ))}
        {only.map(({ name, text }) => (
          <button key={name} type="button" className={`${chip["chip"] ?? ""} ${styles["chip"] ?? ""}`} aria-label={logTexts.drop(text)} aria-pressed onClick={() => { onChoose({ [name]: null }); }}>
            {text}
            <X size={14} aria-hidden="true" />
          </button>
        ))}
      </div>
      <div className={styles["choices"]}>
        <select className={field["input"]} aria-label={logTexts.severity} value={choice.severity ?? ""} onChange={({ target }) => { onChoose({ severity: target.value === "" ? null : target.value }); }}>
          <option value="">{logTexts.severities.any}</option>
          {SEVERITIES.map((severity) => (
            <option key={severity} value={severity}>
              {logTexts.severities[severity]}
            </option>
          ))}
        </select>
        <select className={field["input"]} aria-label={logTexts.range} value={choice.range} onChange={({ target }) => { onChoose({ range: target.value }); }}>
          {RANGES.map((range) => (
            <option key={range} value={range}>
              {logTexts.ranges[range]}
            </option>
          ))}
        </select>
      </div>
    </div>
  );
}
