import { useEffect, useState } from "react";

import hidden from "./hidden.module.css";
import styles from "./loading.module.css";
import { texts } from "./texts";

const PATIENCE_MS = 300; // what comes sooner needs no word

/** A still grey block where something is on its way; it shows only when that takes a while. */
export function Loading({ className }: { readonly className?: string | undefined }) {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => {
      setLate(true);
    }, PATIENCE_MS);
    return () => {
      clearTimeout(timer);
    };
  }, []);
  const place = className ?? "";
  if (!late) return <span className={place} data-loading="soon" />;
  return (
    <span className={`${styles["block"] ?? ""} ${place}`} role="status" data-loading="late">
      <span className={hidden["hidden"]}>{texts.loading}</span>
    </span>
  );
}
