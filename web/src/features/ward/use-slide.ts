import { type RefObject, useLayoutEffect, useRef } from "react";

import { wantsLessMotion } from "../../design/motion";

const SLIDE_MS = 280;

/** Tiles that change place slide there, so that the eye can follow. */
export function useSlide(grid: RefObject<HTMLElement | null>, order: string): void {
  const places = useRef(new Map<string, DOMRect>());
  useLayoutEffect(() => {
    const tiles = [...(grid.current?.querySelectorAll<HTMLElement>("[data-key]") ?? [])];
    const still = wantsLessMotion();
    const now = new Map<string, DOMRect>();
    for (const tile of tiles) {
      const key = tile.dataset["key"] ?? "";
      const place = tile.getBoundingClientRect();
      now.set(key, place);
      const before = places.current.get(key);
      if (before === undefined || still) continue;
      const x = before.left - place.left;
      const y = before.top - place.top;
      if (x === 0 && y === 0) continue;
      const from = { transform: `translate(${String(x)}px, ${String(y)}px)` };
      tile.animate([from, { transform: "none" }], { duration: SLIDE_MS, easing: "cubic-bezier(.2, 0, 0, 1)" });
    }
    places.current = now;
  }, [grid, order]);
}
