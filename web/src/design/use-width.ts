import { type RefObject, useEffect, useRef, useState } from "react";

/** The width of an element in CSS pixels, again whenever it changes; 0 until it is known. */
export function useWidth<T extends HTMLElement>(): [RefObject<T | null>, number] {
  const element = useRef<T>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const watched = element.current;
    if (watched === null) return undefined;
    const watch = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setWidth(Math.round(entry.contentRect.width));
    });
    watch.observe(watched);
    return () => {
      watch.disconnect();
    };
  }, []);
  return [element, width];
}
