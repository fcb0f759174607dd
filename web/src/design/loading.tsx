import hidden from "./hidden.module.css";
import styles from "./loading.module.css";
import { texts } from "./texts";

/** A still grey block where something is on its way; it shows only when that takes a while. */
export function Loading({ className }: { readonly className?: string | undefined }) {
  return (
    <span className={className === undefined ? styles["block"] : `${styles["block"] ?? ""} ${className}`} role="status" data-loading>
      <span className={hidden["hidden"]}>{texts.loading}</span>
    </span>
  );
}
