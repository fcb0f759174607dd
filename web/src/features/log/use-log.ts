import { keepPreviousData, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useEffectEvent, useState } from "react";

import { type Asked, type Log, logQuery, olderOf } from "../../api/log-queries";
import { useSession } from "../../session/session";

/** When storage has written what the socket told, for nearly all and for the rest. */
const LOOK_AGAIN_MS = [900, 3_000] as const;

/** The log as it is known here: live at its newest end, growing at the other when asked. */
export function useLog(asked: Asked, enabled: boolean) {
  const { api, live } = useSession();
  const queries = useQueryClient();
  const query = logQuery(api, asked);
  const log = useQuery({ ...query, enabled, placeholderData: keepPreviousData });
  const older = useMutation({
    mutationFn: (from: Log) => olderOf(api, asked, from),
    onSuccess: (longer) => {
      queries.setQueryData<Log>(query.queryKey, (now) => (now === undefined ? longer : joined(now, longer)));
    },
  });
  const look = useEffectEvent(() => {
    if (enabled) void log.refetch();
  });
  useEffect(() => {
    let timers: ReturnType<typeof setTimeout>[] = [];
    const leave = live.news.subscribe(() => {
      if (timers.length > 0) return; // what comes until then is seen then
      timers = LOOK_AGAIN_MS.map((wait, index) =>
        setTimeout(() => {
          if (index === LOOK_AGAIN_MS.length - 1) timers = [];
          look();
        }, wait),
      );
    });
    return () => {
      leave();
      for (const timer of timers) clearTimeout(timer);
    };
  }, [live]);
  return { log, older };
}

/** What came while older rows were on their way stays. */
function joined(now: Log, longer: Log): Log {
  const known = new Set(longer.items.map(({ id }) => id));
  return { ...now, items: [...now.items.filter(({ id }) => !known.has(id)), ...longer.items], next: longer.next };
}

const TOP_PX = 80;

/** The row that stays the first while somebody reads further down; null: what is newest. */
export function useHeld(newest: string | undefined): { readonly held: string | null; readonly release: () => void } {
  const [held, setHeld] = useState<string | null>(null);
  const scrolled = useEffectEvent(() => {
    if (window.scrollY <= TOP_PX) setHeld(null);
    else setHeld((before) => before ?? newest ?? null);
  });
  useEffect(() => {
    document.addEventListener("scroll", scrolled, { passive: true });
    return () => {
      document.removeEventListener("scroll", scrolled);
    };
  }, []);
  return {
    held,
    release: () => {
      setHeld(null);
      window.scrollTo({ top: 0 });
    },
  };
}
