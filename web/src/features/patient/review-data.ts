/** Stored samples of a view, asked for in pieces that can be kept while one scrolls through them. */
import type { Waveform } from "../../api/types";

/** At 500 Hz still fewer samples than an answer may have: nothing is thinned. */
export const PIECE_MS = 8_000;
/** A piece that ended so long ago is stored as a whole. */
const STORED_AFTER_MS = 20_000;
/** How often the newest, unfinished pieces are asked for again: each answer is written into the audit trail. */
export const FRESH_MS = 15_000;
/** Unfinished pieces are asked for together, up to this length. */
const TOGETHER_MS = 2 * PIECE_MS;
/** Between the device and the store; the newest signal to be had is so old. */
export const BEHIND_MS = 6_000;
const LEAST_GAP_MS = 100;

export interface View {
  readonly fromMs: number;
  readonly toMs: number;
}

export interface Piece extends View {
  /** When it is unfinished: as of when it was asked for; null once it is whole. */
  readonly asOfMs: number | null;
}

export function piecesOf({ fromMs, toMs }: View, nowMs: number): Piece[] {
  const pieces: Piece[] = [];
  const asOfMs = Math.floor(nowMs / FRESH_MS) * FRESH_MS;
  for (let at = Math.floor(fromMs / PIECE_MS) * PIECE_MS; at < toMs; at += PIECE_MS) {
    if (at > nowMs) break; // there is nothing of the future
    const endMs = at + PIECE_MS;
    const whole = endMs + STORED_AFTER_MS <= asOfMs;
    const before = pieces.at(-1);
    if (!whole && before?.asOfMs === asOfMs && endMs - before.fromMs <= TOGETHER_MS) pieces[pieces.length - 1] = { ...before, toMs: endMs };
    else pieces.push({ fromMs: at, toMs: endMs, asOfMs: whole ? null : asOfMs });
  }
  return pieces;
}

/** Samples without a hole in time. */
export interface Stretch {
  readonly startMs: number;
  readonly hz: number;
  readonly values: readonly (number | null)[];
}

type Answer = Pick<Waveform, "channels" | "hz"> & { readonly segments: readonly Pick<Waveform["segments"][number], "start" | "values">[] };

/** One channel of the answer: the first of `names` that it has, its first otherwise. */
export function stretchesOf({ segments, channels, hz }: Answer, names: readonly string[]): Stretch[] {
  if (hz === null) return [];
  const named = names.map((name) => channels.indexOf(name)).find((index) => index >= 0) ?? 0;
  return segments.flatMap(({ start, values }) => {
    const own = values[named];
    return own === undefined ? [] : [{ startMs: Date.parse(start), hz, values: own }];
  });
}

export function channelOf({ channels }: Pick<Waveform, "channels">, names: readonly string[]): string | null {
  return names.find((name) => channels.includes(name)) ?? channels[0] ?? null;
}

/** Where nothing is stored between the beginning of the view and what can be known. */
export function gapsOf(stretches: readonly Stretch[], { fromMs, toMs }: View): (readonly [number, number])[] {
  const gaps: (readonly [number, number])[] = [];
  let atMs = fromMs;
  const close = (untilMs: number): void => {
    if (untilMs - atMs > LEAST_GAP_MS) gaps.push([atMs, untilMs]);
  };
  for (const { startMs, hz, values } of stretches) {
    values.forEach((value, index) => {
      const at = startMs + (index * 1000) / hz;
      if (value === null || at < fromMs || at > toMs) return;
      close(Math.min(at, toMs));
      atMs = Math.max(atMs, at);
    });
  }
  close(toMs);
  return gaps;
}

export interface Extent {
  readonly low: number;
  readonly high: number;
  readonly median: number;
}

/** Between what the signal swings in the view; null when there is none. */
export function extentOf(stretches: readonly Stretch[], { fromMs, toMs }: View): Extent | null {
  const seen: number[] = [];
  for (const { startMs, hz, values } of stretches) {
    values.forEach((value, index) => {
      const at = startMs + (index * 1000) / hz;
      if (value !== null && at >= fromMs && at <= toMs) seen.push(value);
    });
  }
  if (seen.length === 0) return null;
  seen.sort((one, other) => one - other);
  const at = (share: number): number => seen[Math.floor(share * (seen.length - 1))] ?? 0;
  return { low: at(0), high: at(1), median: at(0.5) };
}
