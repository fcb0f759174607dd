import { useEffect, useEffectEvent } from "react";
import { useLocation } from "wouter";

import { isTyping } from "../../design/keys";
import { useAcknowledge, usePause } from "../../session/actions";

/** Keys of the alarms page: up and down between alarms, Enter shows, A acknowledges, P pauses, Esc goes back. */
export function useAlarmKeys(ward: string): void {
  const acknowledge = useAcknowledge();
  const pause = usePause();
  const [, navigate] = useLocation();
  const press = useEffectEvent((event: KeyboardEvent) => {
    if (isTyping(event)) return;
    const rows = [...document.querySelectorAll<HTMLElement>("[data-alarm-row] button[data-choose]")];
    const at = rows.findIndex((row) => row.closest("[data-alarm-row]")?.contains(document.activeElement) === true);
    switch (event.key) {
      case "ArrowDown":
      case "ArrowUp": {
        if (rows.length === 0) return;
        event.preventDefault();
        const step = event.key === "ArrowDown" ? 1 : -1;
        rows[at < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, at + step))]?.focus();
        return;
      }
      case "Escape":
        navigate("/ward");
        return;
      case "a":
      case "A": {
        const alarm = rows[at]?.closest<HTMLElement>("[data-alarm-row]")?.dataset["alarmRow"];
        if (alarm !== undefined) acknowledge.mutate(alarm);
        return;
      }
      case "p":
      case "P":
        pause.mutate({ ward, minutes: 2 });
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
