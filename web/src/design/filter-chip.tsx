import type { ReactNode } from "react";

import styles from "./filter-chip.module.css";

interface Properties {
  readonly on: boolean;
  readonly count: number;
  readonly onClick: () => void;
  readonly children: ReactNode;
}

/** One of several views of a list, with how many are in it. */
export function FilterChip({ on, count, onClick, children }: Properties) {
  return (
    <button type="button" className={styles["chip"]} aria-pressed={on} onClick={onClick}>
      {children}
      <i>{count}</i>
    </button>
  );
}
