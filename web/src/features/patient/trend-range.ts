/** How far back the trends look; the choice stands in the address. */
import { useSearchParams } from "wouter";

export const RANGES = [
  { value: "1h", text: "1 h", hours: 1 },
  { value: "6h", text: "6 h", hours: 6 },
  { value: "24h", text: "24 h", hours: 24 },
  { value: "7d", text: "7 d", hours: 168 },
] as const;

export type RangeKey = (typeof RANGES)[number]["value"];

const HOUR_MS = 3_600_000;
const LEAST_STEP_MS = 30_000;
const STEPS = 240; // the axis moves on by so small a part of itself that nobody sees it jump

export function hoursOf(key: RangeKey): number {
  return RANGES.find(({ value }) => value === key)?.hours ?? 1;
}

/** How far the axis moves at a time. */
export function stepOf(lengthMs: number): number {
  return Math.max(LEAST_STEP_MS, lengthMs / STEPS);
}

/** The range that ends a little after now and stays the same for a while. */
export function rangeUntil(nowMs: number, key: RangeKey): { fromMs: number; toMs: number } {
  const lengthMs = hoursOf(key) * HOUR_MS;
  const stepMs = stepOf(lengthMs);
  const toMs = Math.ceil(nowMs / stepMs) * stepMs;
  return { fromMs: toMs - lengthMs, toMs };
}

export function useTrendRange(): [RangeKey, (key: RangeKey) => void] {
  const [search, setSearch] = useSearchParams();
  const asked = search.get("range");
  const key = RANGES.find(({ value }) => value === asked)?.value ?? "1h";
  const choose = (next: RangeKey): void => {
    setSearch(
      (before) => {
        const after = new URLSearchParams(before);
        after.set("range", next);
        return after;
      },
      { replace: true },
    );
  };
  return [key, choose];
}
