import { Search } from "lucide-react";
import { useEffect, useRef } from "react";

import styles from "./field.module.css";
import { isTyping } from "./keys";

interface Properties {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

/** A search in what the page shows; the key / leads to it. */
export function SearchField({ label, value, onChange }: Properties) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (event.key !== "/" || isTyping(event)) return;
      event.preventDefault();
      input.current?.focus();
    };
    document.addEventListener("keydown", press);
    return () => {
      document.removeEventListener("keydown", press);
    };
  }, []);
  return (
    <span className={styles["search"]}>
      <Search size={16} aria-hidden="true" />
      <input
        ref={input}
        className={styles["input"]}
        type="search"
        aria-label={label}
        placeholder={label}
        value={value}
        onChange={(event) => { onChange(event.target.value); }}
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.stopPropagation();
          onChange("");
          event.currentTarget.blur();
        }}
      />
      <kbd aria-hidden="true">/</kbd>
    </span>
  );
}
