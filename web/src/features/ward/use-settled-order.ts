import { type RefObject, useEffect, useEffectEvent, useState } from "react";

import { type BedView, hidesCaller, keepOrder } from "./beds";

const MOVE_MS = 5000; // a tile moves at most once in this time
const HAND_MS = 10_000; // and not so long after somebody pointed or walked through the grid
const LOOK_MS = 500;

interface Conditions {
  readonly grid: RefObject<HTMLElement | null>;
  readonly linked: boolean;
  /** A change that the user asked for takes effect at once. */
  readonly asked: string;
  /** Beds on a page. */
  readonly size: number;
  readonly nowMs: number;
}

interface Settled {
  readonly keys: readonly string[];
  readonly asked: string;
  readonly atMs: number;
}

interface Order {
  readonly beds: BedView[];
  /** Another order is wanted, and waits until nobody points. */
  readonly held: boolean;
}

/**
 * The order that is shown: it follows the wanted one when no tile is moved under a hand.
 *
 * It stands still while a pointer is over the grid or the focus is in it, however long. Only when a
 * bed that calls would stay on another page does it move there too, after ten seconds of rest: a
 * mouse that somebody forgot on the screen hides no alarm.
 */
export function useSettledOrder(wanted: readonly BedView[], { grid, linked, asked, size, nowMs }: Conditions): Order {
  const keys = wanted.map(({ bed }) => bed.key);
  const [settled, setSettled] = useState<Settled>({ keys, asked, atMs: -Infinity });
  const shown = keepOrder(wanted, settled.keys);
  const settle = useEffectEvent((hand: Hand) => {
    const atMs = performance.now();
    if (keys.join() === settled.keys.join()) return;
    if (!linked || atMs - settled.atMs < MOVE_MS || atMs - hand.atMs < HAND_MS) return;
    if (isHeld(grid.current, hand) && !hidesCaller(shown, size, nowMs)) return;
    setSettled({ keys, asked, atMs });
  });
  const [held, setHeld] = useState(false);

  useEffect(() => {
    const hand: Hand = { atMs: -Infinity, over: false };
    const touch = (event: Event): void => {
      const inside = event.target instanceof Node && grid.current?.contains(event.target) === true;
      if (inside) hand.atMs = performance.now();
      if (event.type !== "pointermove" && event.type !== "pointerdown") return;
      hand.over = inside && isMouse(event);
    };
    const leave = (): void => {
      hand.over = false;
    };
    const timer = setInterval(() => {
      settle(hand);
      setHeld(isHeld(grid.current, hand));
    }, LOOK_MS);
    for (const kind of KINDS) document.addEventListener(kind, touch);
    document.documentElement.addEventListener("pointerleave", leave);
    return () => {
      clearInterval(timer);
      for (const kind of KINDS) document.removeEventListener(kind, touch);
      document.documentElement.removeEventListener("pointerleave", leave);
    };
  }, [grid]);

  if (settled.asked !== asked || settled.keys.length === 0) {
    setSettled({ keys, asked, atMs: -Infinity });
    return { beds: [...wanted], held: false };
  }
  return { beds: shown, held: held && shown.some(({ bed }, index) => bed.key !== keys[index]) };
}

const KINDS = ["pointermove", "pointerdown", "keydown", "focusin"] as const;

interface Hand {
  /** When somebody pointed or typed in the grid. */
  atMs: number;
  /** A mouse or a pen is over it; a finger is gone with the touch. */
  over: boolean;
}

function isHeld(grid: HTMLElement | null, hand: Hand): boolean {
  return hand.over || grid?.contains(document.activeElement) === true;
}

function isMouse(event: Event): boolean {
  return !("pointerType" in event) || event.pointerType !== "touch";
}
