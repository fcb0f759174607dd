import { CircleAlert } from "lucide-react";
import type { ReactNode } from "react";

import styles from "./notice.module.css";

interface NoticeProperties {
  readonly icon: ReactNode;
  readonly title: string;
  readonly text: string;
  readonly action: ReactNode;
  readonly lost?: boolean;
}

/** A strip over the page: what is, what it means, what to do. */
export function Notice({ icon, title, text, action, lost = false }: NoticeProperties) {
  return (
    <div className={styles["notice"]} data-look={lost ? "lost" : "warn"}>
      {icon}
      <b>{title}</b>
      <span>{text}</span>
      {action}
    </div>
  );
}

/** In place of a panel that is empty or failed: one sentence and the next step. */
export function PanelNotice({ text, action, failed = false }: { readonly text: string; readonly action?: ReactNode; readonly failed?: boolean }) {
  return (
    <div className={styles["panel"]} role={failed ? "alert" : undefined}>
      {failed && <CircleAlert size={24} aria-hidden="true" />}
      <p>{text}</p>
      {action}
    </div>
  );
}
