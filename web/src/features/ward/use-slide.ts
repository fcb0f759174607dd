import { type RefObject, useEffect, useLayoutEffect, useRef } from "react";

import { wantsLessMotion } from "../../design/motion";

const SLIDE_MS = 280;

/**
 * Tiles that change place slide there, so that the eye can follow.
 *
 * What a press begins on stands still until it is released: else the tile under the pointer would be
 * another one by then, and the click nobody's.
 */
export function useSlide(grid: RefObject<HTMLElement | null>, order: string): void {
  const places = useRef(new Map<string, DOMRect>());
  const slides = useRef<Animation[]>([]);
  useLayoutEffect(() => {
    const tiles = [...(grid.current?.querySelectorAll<HTMLElement>("[data-key]") ?? [])];
    const still = wantsLessMotion();
    const now = new Map<string, DOMRect>();
    const begun: Animation[] = [];
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
      begun.push(tile.animate([from, { transform: "none" }], { duration: SLIDE_MS, easing: "cubic-bezier(.2, 0, 0, 1)" }));
    }
    places.current = now;
    slides.current = begun;
  }, [grid, order]);

  useEffect(() => {
    let held: Animation[] = [];
    const press = (event: Event): void => {
      if (!(event.target instanceof Node) || grid.current?.contains(event.target) !== true) return;
      held = slides.current.filter(({ playState }) => playState === "running");
      for (const slide of held) slide.pause();
    };
    const release = (): void => {
      // the click comes after the release, and belongs to what was pressed
      const going = held;
      held = [];
      setTimeout(() => {
        for (const slide of going) slide.play();
      });
    };
    document.addEventListener("pointerdown", press);
    for (const kind of ["pointerup", "pointercancel"]) document.addEventListener(kind, release);
    return () => {
      document.removeEventListener("pointerdown", press);
      for (const kind of ["pointerup", "pointercancel"]) document.removeEventListener(kind, release);
    };
  }, [grid]);
}
