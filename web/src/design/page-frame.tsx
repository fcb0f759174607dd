import type { ReactNode } from "react";

import styles from "./page-frame.module.css";

interface Properties {
  readonly title: string;
  readonly note: string;
  /** What can be done for all that the page shows. */
  readonly actions?: ReactNode;
  readonly children: ReactNode;
}

/** A page of cards under its own title; the ward and the patient have heads of their own. */
export function PageFrame({ title, note, actions, children }: Properties) {
  return (
    <div className={styles["page"]}>
      <header className={styles["head"]}>
        <h2 className={styles["title"]}>{title}</h2>
        <span className={styles["note"]}>{note}</span>
        <div className={styles["actions"]}>{actions}</div>
      </header>
      {children}
    </div>
  );
}
