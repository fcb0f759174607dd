import { useEffect, useEffectEvent, useState } from "react";

const DELAY_S = 5;

export interface Delayed {
  /** Seconds in which it can still be taken back; null while nothing was started. */
  readonly leftS: number | null;
  readonly start: () => void;
  readonly undo: () => void;
}

/** An action that is carried out five seconds after it was asked for, unless it is taken back. */
export function useDelayed(action: () => void): Delayed {
  const [leftS, setLeftS] = useState<number | null>(null);
  const act = useEffectEvent(action);
  useEffect(() => {
    if (leftS === null) return undefined;
    const timer = setTimeout(() => {
      if (leftS > 1) {
        setLeftS(leftS - 1);
        return;
      }
      setLeftS(null);
      act();
    }, 1000);
    return () => {
      clearTimeout(timer);
    };
  }, [leftS]);
  return {
    leftS,
    start: () => {
      setLeftS(DELAY_S);
    },
    undo: () => {
      setLeftS(null);
    },
  };
}
