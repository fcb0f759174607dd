import type { ComponentProps } from "react";

import styles from "./chip.module.css";

export type ChipLook = "dashed" | "live" | "warn" | "lost";

export function Chip({ look, ...rest }: ComponentProps<"span"> & { readonly look?: ChipLook | undefined }) {
  return <span {...rest} className={styles["chip"]} data-look={look} />;
}

export function ChipButton({ look, ...rest }: ComponentProps<"button"> & { readonly look?: ChipLook | undefined }) {
  return <button type="button" {...rest} className={styles["chip"]} data-look={look} />;
}

export function Dot() {
  return <i className={styles["dot"]} aria-hidden="true" />;
}
