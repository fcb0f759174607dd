/**
 * How many CSS pixels a millimetre of this screen has: measured once with a card, kept per screen.
 *
 * Kept in device pixels, so that zooming the page does not undo it. Until it is measured the page
 * takes 96 dots an inch and says "≈" wherever it names a speed or a size.
 */
import { useSyncExternalStore } from "react";

export interface Calibration {
  readonly pxPerMm: number;
  readonly measured: boolean;
}

/** Long side of a bank card, ISO/IEC 7810 ID-1. */
export const CARD_MM = 85.6;
const KEY = "vitalwire.device-px-per-mm";
const UNMEASURED: Calibration = { pxPerMm: 96 / 25.4, measured: false };
const LEAST = 1.5;
const MOST = 30; // device pixels a millimetre: beyond any screen
const listeners = new Set<() => void>();
let current = UNMEASURED;

/** Measure anew, or forget with null. */
export function calibrate(pxPerMm: number | null): void {
  try {
    if (pxPerMm === null) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, String(pxPerMm * devicePixelRatio));
  } catch {
    // storage can be forbidden: then the screen stays unmeasured
  }
  applyCalibration();
}

/** Bring the document in line with what is kept; again when the zoom changes. */
export function applyCalibration(): void {
  const kept = read();
  const next = kept === null ? UNMEASURED : { pxPerMm: kept / devicePixelRatio, measured: true };
  if (next.pxPerMm === current.pxPerMm && next.measured === current.measured) return;
  current = next;
  document.documentElement.style.setProperty("--px-per-mm", next.pxPerMm.toFixed(4));
  for (const listener of [...listeners]) listener();
}

function read(): number | null {
  try {
    const kept = Number(localStorage.getItem(KEY) ?? NaN);
    return kept >= LEAST && kept <= MOST ? kept : null;
  } catch {
    return null;
  }
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener("resize", applyCalibration);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) window.removeEventListener("resize", applyCalibration);
  };
}

export function useCalibration(): Calibration {
  return useSyncExternalStore(subscribe, () => current);
}

if (typeof document !== "undefined") applyCalibration();
