import type { ComponentProps } from "react";

import styles from "./button.module.css";

interface Look {
  readonly look?: "main" | "plain" | "inherit" | "on-alarm";
  readonly size?: "small" | "large";
}

export function Button({ look, size, className, ...rest }: ComponentProps<"button"> & Look) {
  const names = className === undefined ? styles["button"] : `${styles["button"] ?? ""} ${className}`;
  return <button type="button" {...rest} className={names} data-look={look} data-size={size} />;
}

/** A button that shows only an icon; the label is what it is called. */
export function IconButton({ label, ...rest }: ComponentProps<"button"> & { readonly label: string }) {
  return <button type="button" title={label} {...rest} aria-label={label} className={styles["icon"]} />;
}
