import type { ComponentProps, ReactNode } from "react";

import styles from "./card.module.css";

interface Properties extends ComponentProps<"section"> {
  readonly label: string;
}

/** A part of a page that can be named and, if need be, fail alone. */
export function Card({ label, className, ...rest }: Properties) {
  return <section {...rest} aria-label={label} className={className === undefined ? styles["card"] : `${styles["card"] ?? ""} ${className}`} />;
}

/** The title of a card, what stands beside it, and what stands at its end. */
export function CardHead({ title, children, aside }: { readonly title: string; readonly children?: ReactNode; readonly aside?: ReactNode }) {
  return (
    <header className={styles["head"]}>
      <h3>{title}</h3>
      {children}
      {aside !== undefined && <div className={styles["aside"]}>{aside}</div>}
    </header>
  );
}
