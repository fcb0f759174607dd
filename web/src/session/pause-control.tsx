import { BellOff, ChevronDown } from "lucide-react";
import { useState } from "react";

import { Button } from "../design/button";
import { texts } from "../design/texts";
import { type PauseWish, usePause } from "./actions";
import styles from "./pause-control.module.css";

const MINUTES = [1, 2, 3] as const;
type Minutes = (typeof MINUTES)[number];

interface Properties {
  readonly target: Omit<PauseWish, "minutes">;
  readonly onAlarm?: boolean;
}

/** Pause the sound of a patient or a ward for one to three minutes. */
export function PauseControl({ target, onAlarm = false }: Properties) {
  const [minutes, setMinutes] = useState<Minutes>(2);
  const pause = usePause();
  const text = pause.isPending ? texts.pause.waiting : texts.pause.action(minutes);
  return (
    <span className={styles["pause"]}>
      <span className={styles["pair"]} data-look={onAlarm ? "on-alarm" : undefined}>
        <Button
          {...(onAlarm ? { look: "on-alarm" as const } : {})}
          disabled={pause.isPending}
          data-testid="pause"
          onClick={() => {
            pause.mutate({ ...target, minutes });
          }}
        >
          <BellOff size={16} strokeWidth={1.8} aria-hidden="true" />
          <span className={styles["long"]}>{text}</span>
          <span className={styles["short"]}>{pause.isPending ? text : texts.pause.short(minutes)}</span>
        </Button>
        <span className={styles["choice"]}>
          <ChevronDown size={15} aria-hidden="true" />
          <select
            aria-label={texts.pause.menu}
            value={minutes}
            onChange={(event) => {
              setMinutes(MINUTES.find((known) => String(known) === event.target.value) ?? 2);
            }}
          >
            {MINUTES.map((known) => (
              <option key={known} value={known}>
                {texts.pause.minutes(known)}
              </option>
            ))}
          </select>
        </span>
      </span>
      {pause.isError && (
        <span className={styles["problem"]} role="alert">
          {texts.pause.failed}
        </span>
      )}
    </span>
  );
}
