import styles from "./segments.module.css";

interface Properties<T extends string | number> {
  readonly label: string;
  readonly options: readonly { readonly value: T; readonly text: string; readonly label?: string }[];
  readonly value: T;
  readonly onChange: (value: T) => void;
  readonly small?: boolean;
}

/** One of a few choices, all in sight. */
export function Segments<T extends string | number>({ label, options, value, onChange, small }: Properties<T>) {
  return (
    <div className={styles["segments"]} role="group" aria-label={label} data-size={small === true ? "small" : undefined}>
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          aria-label={option.label}
          aria-pressed={option.value === value}
          onClick={() => {
            onChange(option.value);
          }}
        >
          {option.text}
        </button>
      ))}
    </div>
  );
}
