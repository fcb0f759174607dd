import { type RefObject, useLayoutEffect } from "react";

/**
 * Tells the style a hundredth of a tile's size, by which numerals scale: all tiles of a grid are equally large.
 *
 * Container units would say the same, but with 60 tiles they made each second's layout seven times as
 * dear (51 ms instead of 7), for the browser looks into every container on its own.
 */
export function useTileSize(grid: RefObject<HTMLElement | null>, first: string): void {
  useLayoutEffect(() => {
    const element = grid.current;
    const tile = element?.firstElementChild;
    if (element === null || !tile) return undefined;
    const tell = (): void => {
      element.style.setProperty("--tile-w", `${String(tile.clientWidth / 100)}px`);
      element.style.setProperty("--tile-h", `${String(tile.clientHeight / 100)}px`);
    };
    tell();
    const watch = new ResizeObserver(tell);
    watch.observe(tile);
    return () => {
      watch.disconnect();
    };
  }, [grid, first]);
}
