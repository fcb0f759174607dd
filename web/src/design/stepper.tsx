import { Minus, Plus } from "lucide-react";
import { useState } from "react";

import styles from "./field.module.css";
import { formatValue } from "./format/numbers";

interface Properties {
  /** What is set, as a phrase: "Heart rate lower limit". */
  readonly label: string;
  readonly value: number | null;
  readonly decimals: number;
  /** Where the first step from "none" begins. */
  readonly start: number;
  readonly disabled: boolean;
  readonly wrong: boolean;
  /** Null: no such limit. */
  readonly onChange: (value: number | null) => void;
}

const NONE = "–";

/** A number that can be typed or stepped; empty or a dash is none. */
export function Stepper({ label, value, decimals, start, disabled, wrong, onChange }: Properties) {
  const [typed, setTyped] = useState<string | null>(null);
  const step = 10 ** -decimals;
  const shown = typed ?? (value === null ? NONE : formatValue(value, decimals));
  const change = (by: number): void => {
    onChange(value === null ? start : Number((value + by).toFixed(decimals)));
  };
  const take = (text: string): void => {
    setTyped(text);
    const number = readNumber(text);
    if (number !== undefined) onChange(number === null ? null : Number(number.toFixed(decimals)));
  };
  return (
    <span className={styles["stepper"]} data-wrong={wrong}>
      <button type="button" aria-label={`${label} down`} disabled={disabled} onClick={() => { change(-step); }}>
        <Minus size={14} aria-hidden="true" />
      </button>
      <input
        aria-label={label}
        aria-invalid={wrong}
        inputMode="decimal"
        autoComplete="off"
        disabled={disabled}
        value={shown}
        onChange={(event) => { take(event.target.value); }}
        onFocus={(event) => { event.target.select(); }}
        onBlur={() => { setTyped(null); }}
        onKeyDown={(event) => {
          if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
          event.preventDefault();
          setTyped(null);
          change(event.key === "ArrowUp" ? step : -step);
        }}
      />
      <button type="button" aria-label={`${label} up`} disabled={disabled} onClick={() => { change(step); }}>
        <Plus size={14} aria-hidden="true" />
      </button>
    </span>
  );
}

/** The number that a text is; null for none, undefined for what is not (yet) a number. */
export function readNumber(text: string): number | null | undefined {
  const plain = text.trim().replace(",", ".").replace("−", "-");
  if (plain === "" || plain === NONE || plain === "-") return null;
  const number = Number(plain);
  return Number.isFinite(number) ? number : undefined;
}
