/** Which time the signal review shows; null follows the present. The address keeps it. */
import { useEffect, useEffectEvent, useState } from "react";
import { useSearchParams } from "wouter";

const SETTLED_MS = 400; // browsers bar a page that changes its address with every key

export function useReviewTime(): [number | null, (atMs: number | null) => void] {
  const [search, setSearch] = useSearchParams();
  const [atMs, setAtMs] = useState(() => {
    const asked = Date.parse(search.get("at") ?? "");
    return Number.isNaN(asked) ? null : asked;
  });
  const keep = useEffectEvent(() => {
    const text = atMs === null ? null : new Date(Math.round(atMs)).toISOString();
    if (text === search.get("at")) return;
    setSearch(
      (before) => {
        const after = new URLSearchParams(before);
        if (text === null) after.delete("at");
        else after.set("at", text);
        return after;
      },
      { replace: true },
    );
  });
  useEffect(() => {
    const timer = setTimeout(keep, SETTLED_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [atMs]);
  return [atMs, setAtMs];
}
