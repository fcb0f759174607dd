import type { ReactNode } from "react";

import styles from "./settings-page.module.css";

/** One thing that can be set: its name, what it does, and where it is set. */
export function SettingRow({ name, about, children }: { readonly name: string; readonly about: string; readonly children: ReactNode }) {
  return (
    <div className={styles["row"]}>
      <p>
        <b>{name}</b>
        <span>{about}</span>
      </p>
      {children}
    </div>
  );
}
