import { type RefObject, useEffect, useEffectEvent } from "react";

import { isTyping } from "../../design/keys";
import { useAcknowledge, usePause } from "../../session/actions";
import { useSession } from "../../session/session";
import type { Filter } from "./beds";

interface Wiring {
  readonly grid: RefObject<HTMLElement | null>;
  readonly columns: number;
  readonly filter: Filter;
  readonly onFilter: (filter: Filter) => void;
  readonly onRead: (text: string) => void;
}

const FILTER_KEYS: Readonly<Record<string, Filter>> = { "1": "high", "2": "medium", "3": "low" };

/** The ward by keyboard alone. */
export function useWardKeys({ grid, columns, filter, onFilter, onRead }: Wiring): void {
  const { ward } = useSession();
  const acknowledge = useAcknowledge();
  const pause = usePause();
  const press = useEffectEvent((event: KeyboardEvent) => {
    if (isTyping(event)) return;
    const wanted = FILTER_KEYS[event.key];
    if (wanted !== undefined) onFilter(filter === wanted ? "all" : wanted);
    const tiles = [...(grid.current?.querySelectorAll<HTMLElement>("[data-key] > a") ?? [])];
    const at = tiles.findIndex((tile) => tile === document.activeElement);
    const step = steps(columns)[event.key];
    if (step !== undefined && tiles.length > 0) {
      event.preventDefault();
      const next = at < 0 ? 0 : Math.max(0, Math.min(tiles.length - 1, at + step));
      tiles[next]?.focus();
    }
    const focused = tiles[at];
    const alarm = focused?.closest<HTMLElement>("[data-key]")?.dataset["alarm"];
    switch (event.key.toLowerCase()) {
      case "a":
        if (alarm !== undefined) acknowledge.mutate(alarm);
        return;
      case "p":
        if (ward !== null) pause.mutate({ ward, minutes: 2 });
        return;
      case "n":
        if (focused !== undefined) onRead(focused.getAttribute("aria-label") ?? "");
        return;
      default:
    }
  });
  useEffect(() => {
    document.addEventListener("keydown", press);
    return () => {
      document.removeEventListener("keydown", press);
    };
  }, []);
}

function steps(columns: number): Readonly<Record<string, number>> {
  return { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
}
