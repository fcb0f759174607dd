import { useId } from "react";

import type { ModelValue } from "../../api/command-queries";
import field from "../../design/field.module.css";
import { deviceTexts } from "../../design/texts-devices";
import { readValue } from "./command-state";
import styles from "./devices-page.module.css";

interface Properties {
  readonly value: ModelValue;
  readonly typed: string;
  readonly disabled?: boolean;
  readonly onChange: (typed: string) => void;
}

/** One value of a command or a configuration, as the model describes it. */
export function ValueField({ value, typed, disabled = false, onChange }: Properties) {
  const id = useId();
  const label = value.label === "" ? value.name : value.label;
  const choices = value.kind === "boolean" ? ["true", "false"] : value.choices.map(String);
  const change = (event: { readonly target: { readonly value: string } }): void => {
    onChange(event.target.value);
  };
  return (
    <div className={styles["value"]}>
      <label htmlFor={id}>
        {label}
        {value.unit !== "" && <small>{value.unit}</small>}
      </label>
      {choices.length > 0 ? (
        <select id={id} className={field["input"]} value={typed} disabled={disabled} onChange={change}>
          <option value="">–</option>
          {choices.map((choice) => (
            <option key={choice} value={choice}>
              {value.kind === "boolean" ? deviceTexts.commands.booleans[choice === "true" ? "true" : "false"] : choice}
            </option>
          ))}
        </select>
      ) : (
        <input
          id={id}
          className={field["input"]}
          inputMode={value.kind === "text" ? "text" : "decimal"}
          autoComplete="off"
          disabled={disabled}
          value={typed}
          aria-invalid={readValue(value, typed) === undefined}
          placeholder={value.low !== null && value.high !== null ? deviceTexts.commands.range(String(value.low), String(value.high)) : ""}
          onChange={change}
        />
      )}
    </div>
  );
}
