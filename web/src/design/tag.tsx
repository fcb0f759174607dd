import type { ComponentProps } from "react";

import styles from "./tag.module.css";

/** A state in one or two words. */
export function Tag({ look, ...rest }: ComponentProps<"span"> & { readonly look?: "on" }) {
  return <span {...rest} className={styles["tag"]} data-look={look} />;
}
