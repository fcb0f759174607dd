import { type RefObject, useEffect, useState } from "react";

const AHEAD_PX = 300; // what is about to be scrolled to is in sight already

/** Whether an element is on the screen, or nearly. */
export function useInSight(element: RefObject<HTMLElement | null>): boolean {
  const [inSight, setInSight] = useState(false);
  useEffect(() => {
    const watched = element.current;
    if (watched === null) return undefined;
    const watch = new IntersectionObserver(
      ([entry]) => {
        if (entry !== undefined) setInSight(entry.isIntersecting);
      },
      { rootMargin: `${String(AHEAD_PX)}px` },
    );
    watch.observe(watched);
    return () => {
      watch.disconnect();
    };
  }, [element]);
  return inSight;
}
