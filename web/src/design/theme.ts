/** The screen: automatic (dark, night by the clock), dark, light or night. Remembered per screen. */
import { useSyncExternalStore } from "react";

export type ThemeChoice = "auto" | "dark" | "light" | "night";

const KEY = "vitalwire.theme";
const CHOICES: readonly ThemeChoice[] = ["auto", "dark", "light", "night"];
const NIGHT_FROM = 22;
const NIGHT_TO = 6;
const listeners = new Set<() => void>();
let hourNow = (): number => new Date().getHours();

function read(): ThemeChoice {
  try {
    const held = localStorage.getItem(KEY);
    return CHOICES.find((choice) => choice === held) ?? "auto";
  } catch {
    return "auto";
  }
}

export function nextTheme(choice: ThemeChoice): ThemeChoice {
  return CHOICES[(CHOICES.indexOf(choice) + 1) % CHOICES.length] ?? "auto";
}

export function chooseTheme(choice: ThemeChoice): void {
  try {
    localStorage.setItem(KEY, choice);
  } catch {
    // storage can be forbidden: the choice holds until the page is closed
  }
  document.documentElement.dataset["themeChoice"] = choice;
  applyTheme();
}

/** Night falls by this clock: the server's, once it is known, for a browser's may be wrong. */
export function tellHour(source: () => number): void {
  hourNow = source;
  applyTheme();
}

/** Bring the document in line with the choice; called again as the hours pass. */
export function applyTheme(): void {
  const hour = hourNow();
  const choice = current();
  const root = document.documentElement;
  const night = choice === "night" || (choice === "auto" && (hour >= NIGHT_FROM || hour < NIGHT_TO));
  const theme = choice === "light" ? "light" : "dark";
  const looks = `${theme}${night ? " night" : ""} ${choice}`;
  if (root.dataset["looks"] === looks) return;
  root.dataset["looks"] = looks;
  root.dataset["theme"] = theme;
  if (night) root.dataset["night"] = "on";
  else delete root.dataset["night"];
  for (const listener of [...listeners]) listener();
}

function current(): ThemeChoice {
  const chosen = document.documentElement.dataset["themeChoice"];
  return CHOICES.find((choice) => choice === chosen) ?? read();
}

export function subscribeTheme(listener: () => void): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

export function useTheme(): ThemeChoice {
  return useSyncExternalStore(subscribeTheme, current);
}

/** Changes whenever colours change: what is drawn on canvas must be drawn anew. */
export function useLooks(): string {
  return useSyncExternalStore(subscribeTheme, () => document.documentElement.dataset["looks"] ?? "");
}
