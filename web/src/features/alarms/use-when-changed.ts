import { useEffect, useEffectEvent, useState } from "react";

const SOON_MS = 700; // what belongs together comes together

/** Act a moment after a state became another one; null is not known, and no change. */
export function useWhenChanged(state: string | null, act: () => void): void {
  const [seen, setSeen] = useState(state);
  const changed = useEffectEvent(() => {
    setSeen(state);
    if (seen !== null) act();
  });
  useEffect(() => {
    if (state === null || state === seen) return undefined;
    const timer = setTimeout(() => {
      changed();
    }, SOON_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [state, seen]);
}
