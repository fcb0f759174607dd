import { useEffect, useEffectEvent } from "react";

import { isTyping } from "../design/keys";
import { chooseTheme, nextTheme, useTheme } from "../design/theme";

/** Keys that work on every page. */
export function useAppKeys(showKeys: () => void): void {
  const theme = useTheme();
  const press = useEffectEvent((event: KeyboardEvent) => {
    if (isTyping(event)) return;
    switch (event.key) {
      case "?":
        showKeys();
        return;
      case "t":
      case "T":
        chooseTheme(nextTheme(theme));
        return;
      case "f":
      case "F":
        toggleFullScreen();
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

function toggleFullScreen(): void {
  if (document.fullscreenElement === null) void document.documentElement.requestFullscreen();
  else void document.exitFullscreen();
}
