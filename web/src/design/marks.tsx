import styles from "./marks.module.css";
import { texts } from "./texts";

export type Priority = "high" | "medium" | "low";

/** `!!!`, `!!` or `!`: the mark that stands with every alarm colour. */
export function PriorityMark({ priority, outline = false }: { readonly priority: Priority; readonly outline?: boolean }) {
  return (
    <span className={styles["priority"]} data-priority={priority} data-outline={outline} role="img" aria-label={texts.priorities[priority]}>
      {texts.marks[priority]}
    </span>
  );
}

const BARS = [1, 2, 3, 4] as const;

export function QualityBars({ bars }: { readonly bars: number }) {
  return (
    <span className={styles["quality"]} data-weak={bars <= 2} role="img" aria-label={texts.measure.quality(bars)}>
      {BARS.map((bar) => (
        <i key={bar} data-on={bar <= bars} />
      ))}
    </span>
  );
}

const LOW_PERCENT = 20;
const CRITICAL_PERCENT = 10;

export function Battery({ percent }: { readonly percent: number }) {
  const level = percent <= CRITICAL_PERCENT ? "critical" : percent <= LOW_PERCENT ? "low" : "good";
  return (
    <span className={styles["battery"]} data-level={level} role="img" aria-label={texts.measure.battery(percent)}>
      <i style={{ width: `${String(percent)}%` }} />
    </span>
  );
}
