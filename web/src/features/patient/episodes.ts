/** Findings with a beginning and an end (rhythm, apnoea), and moments (falls, pauses): each told once. */
import type { PatientEvent } from "../../api/types";
import { eventText } from "../../design/format/event-text";
import { formatValue } from "../../design/format/numbers";
import { eventTexts } from "../../design/texts-events";

export interface Episode {
  /** That of the event by which it is known first. */
  readonly id: string;
  readonly startMs: number;
  readonly endMs: number;
  /** It has begun and nobody has told its end. */
  readonly isOpen: boolean;
  readonly text: string;
}

/** The same again within this time is the same episode. */
export const JOINED_MS = 30_000;
const KINDS: ReadonlySet<string> = new Set(["rhythm", "apnoea", "fall", "sources_disagree", "signal_noise"]);

interface Found {
  readonly first: PatientEvent;
  readonly startMs: number;
  endMs: number;
  isOpen: boolean;
  readonly all: PatientEvent[];
}

export function isFinding({ kind }: Pick<PatientEvent, "kind">): boolean {
  return KINDS.has(kind);
}

/** What the findings among the events say, in no order. */
export function episodes(events: readonly PatientEvent[]): Episode[] {
  const byKey = new Map<string, PatientEvent[]>();
  for (const event of events) {
    if (!isFinding(event)) continue;
    const key = keyOf(event);
    const own = byKey.get(key);
    if (own === undefined) byKey.set(key, [event]);
    else own.push(event);
  }
  return [...byKey.values()].flatMap(ofOneKind).map(told);
}

function keyOf({ kind, device, data }: PatientEvent): string {
  return JSON.stringify([kind, device, data["stream"] ?? null, data["name"] ?? null]);
}

function ofOneKind(events: readonly PatientEvent[]): Found[] {
  const found: Found[] = [];
  for (const event of [...events].sort((one, other) => Date.parse(one.t) - Date.parse(other.t))) {
    const atMs = Date.parse(event.t);
    const last = found.at(-1);
    if (event.data["has_ended"] === true) {
      if (last?.isOpen === true) {
        last.isOpen = false;
        last.endMs = atMs;
      } else found.push({ first: event, startMs: atMs, endMs: atMs, isOpen: false, all: [event] });
      continue;
    }
    const startMs = Math.min(atMs, instant(event.data["from"]) ?? instant(event.data["since"]) ?? atMs);
    const isOpen = lasts(event);
    if (last !== undefined && !hasOnlyEnded(last) && (last.isOpen || startMs - last.endMs <= JOINED_MS)) {
      if (!last.isOpen) last.all.push(event); // what has not ended is told once more, and no second time
      last.endMs = Math.max(last.endMs, atMs);
      last.isOpen = isOpen;
    } else found.push({ first: event, startMs, endMs: atMs, isOpen, all: [event] });
  }
  return found;
}

/** Has an end of its own; a fall, a pause or a run is over when it is told. */
function lasts({ kind, data }: PatientEvent): boolean {
  return kind !== "fall" && data["from"] === undefined && data["has_ended"] === false;
}

/** Began before all that is known. */
function hasOnlyEnded({ first }: Found): boolean {
  return first.data["has_ended"] === true;
}

function told({ first, startMs, endMs, isOpen, all }: Found): Episode {
  const again = all.length > 1;
  const words = eventTexts.episodes;
  const head = again ? eventText({ kind: first.kind, data: { name: first.data["name"] } }) : eventText(first);
  const lengths = all.flatMap(({ data: { duration_s: s } }) => (typeof s === "number" ? [s] : []));
  const parts = [head, ...(again ? [words.times(all.length)] : []), ...(again && lengths.length > 0 ? [words.longest(formatValue(Math.max(...lengths), 1))] : [])];
  return { id: first.id, startMs, endMs, isOpen, text: parts.join(", ") };
}

/** Microseconds of UTC. */
function instant(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value / 1000 : null;
}
