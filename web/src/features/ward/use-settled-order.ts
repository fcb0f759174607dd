import { type RefObject, useEffect, useEffectEvent, useState } from "react";

import { type BedView, keepOrder } from "./beds";

const MOVE_MS = 5000; // a tile moves at most once in this time
const HAND_MS = 10_000; // and not while somebody is pointing or walking through the grid
const LOOK_MS = 500;

interface Conditions {
  readonly grid: RefObject<HTMLElement | null>;
  readonly linked: boolean;
  /** A change that the user asked for takes effect at once. */
  readonly asked: string;
}

interface Settled {
  readonly keys: readonly string[];
  readonly asked: string;
  readonly atMs: number;
}

/** The order that is shown: it follows the wanted one when no tile is moved under a hand. */
export function useSettledOrder(wanted: readonly BedView[], { grid, linked, asked }: Conditions): BedView[] {
  const keys = wanted.map(({ bed }) => bed.key);
  const [settled, setSettled] = useState<Settled>({ keys, asked, atMs: -Infinity });
  const settle = useEffectEvent((handMs: number) => {
    const nowMs = performance.now();
    if (keys.join() === settled.keys.join()) return;
    if (!linked || nowMs - settled.atMs < MOVE_MS || nowMs - handMs < HAND_MS) return;
    setSettled({ keys, asked, atMs: nowMs });
  });

  useEffect(() => {
    let handMs = -Infinity;
    const touch = (event: Event): void => {
      if (event.target instanceof Node && grid.current?.contains(event.target) === true) handMs = performance.now();
    };
    const timer = setInterval(() => {
      settle(handMs);
    }, LOOK_MS);
    for (const kind of ["pointermove", "keydown", "focusin"]) document.addEventListener(kind, touch);
    return () => {
      clearInterval(timer);
      for (const kind of ["pointermove", "keydown", "focusin"]) document.removeEventListener(kind, touch);
    };
  }, [grid]);

  if (settled.asked !== asked || settled.keys.length === 0) {
    setSettled({ keys, asked, atMs: -Infinity });
    return [...wanted];
  }
  return keepOrder(wanted, settled.keys);
}
