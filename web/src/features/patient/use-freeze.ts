import { useEffect, useEffectEvent, useState } from "react";

export const RESUME_MS = 60_000; // nobody looks at a frozen trace for longer without touching it
const USES = ["pointermove", "pointerdown", "keydown"] as const;

export interface Freeze {
  /** Since when the trace stands still; null while it runs. */
  readonly atMs: number | null;
  readonly start: () => void;
  readonly toggle: () => void;
}

/** Freeze stops the drawing, not the data; it ends by itself when nobody uses it. */
export function useFreeze(nowMs: number, onEnd: () => void): Freeze {
  const [atMs, setAtMs] = useState<number | null>(null);
  const end = useEffectEvent(() => {
    setAtMs(null);
    onEnd();
  });
  const frozen = atMs !== null;
  useEffect(() => {
    if (!frozen) return undefined;
    let timer = setTimeout(end, RESUME_MS);
    const used = (): void => {
      clearTimeout(timer);
      timer = setTimeout(end, RESUME_MS);
    };
    for (const kind of USES) document.addEventListener(kind, used);
    return () => {
      clearTimeout(timer);
      for (const kind of USES) document.removeEventListener(kind, used);
    };
  }, [frozen]);
  return {
    atMs,
    start: () => {
      setAtMs((before) => before ?? nowMs);
    },
    toggle: () => {
      if (!frozen) {
        setAtMs(nowMs);
        return;
      }
      setAtMs(null);
      onEnd();
    },
  };
}
