/** Text messages of the live socket, parsed once, into a union on `kind`. */
import type { Alarm } from "../api/types";

export type { Alarm };
export type Validity = "valid" | "questionable" | "stale" | "absent";

export interface VitalItem {
  readonly patient: string;
  readonly device: string;
  readonly measure: string;
  readonly method: string;
  readonly source: string;
  readonly atMs: number;
  readonly value: number | null;
  readonly quality: number | null;
  readonly validity: Validity;
  readonly revision: number;
  /** Place of the device among those of the patient: of two by one method the lower goes first. */
  readonly order: number;
  readonly reason: string | null;
}

/** One beat as it is found: of one device, kind and time the higher revision counts. */
export interface LiveBeat {
  readonly patient: string;
  readonly device: string;
  readonly atMs: number;
  readonly kind: string;
  readonly class: string;
  readonly rrMs: number | null;
  /** 0 takes the beat back. */
  readonly quality: number;
  readonly revision: number;
}

export interface SourceAge {
  readonly patient: string;
  readonly device: string;
  readonly stream: string;
  readonly ageS: number;
}

export type LiveMessage =
  | { readonly kind: "auth"; readonly serverMs: number | null }
  | { readonly kind: "subscribed"; readonly id: string; readonly cursor: string | null }
  | { readonly kind: "vitals"; readonly items: readonly VitalItem[] }
  | { readonly kind: "beats"; readonly items: readonly LiveBeat[] }
  | { readonly kind: "alarm"; readonly id: string; readonly cursor: string | null; readonly alarm: Alarm }
  | { readonly kind: "event"; readonly id: string; readonly cursor: string | null; readonly event: LiveEvent }
  | { readonly kind: "gap"; readonly patient: string; readonly stream: string }
  | { readonly kind: "patients"; readonly id: string; readonly patients: readonly string[] }
  | {
      readonly kind: "state";
      readonly serverMs: number | null;
      /** The place of every subscription in the feed; null while one of them still catches up. */
      readonly cursor: string | null;
      readonly sources: readonly SourceAge[];
      readonly simulated: boolean;
    }
  | { readonly kind: "error"; readonly code: string; readonly detail: string; readonly id: string | null }
  | { readonly kind: "pong" };

export interface LiveEvent {
  readonly id: string;
  readonly atMs: number | null;
  readonly kind: string;
  readonly severity: string;
  readonly patient: string | null;
  readonly device: string | null;
}

/** The message, or null when its kind is unknown or its shape is not what was agreed. */
export function parseMessage(text: string): LiveMessage | null {
  let fields: unknown;
  try {
    fields = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isRecord(fields)) return null;
  const id = string(fields["id"]) ?? "";
  const cursor = string(fields["cursor"]);
  switch (fields["kind"]) {
    case "auth":
      return { kind: "auth", serverMs: time(fields["server_time"]) };
    case "subscribed":
      return { kind: "subscribed", id, cursor };
    case "vitals":
      return { kind: "vitals", items: list(fields["items"]).flatMap(vitalItem) };
    case "beats":
      return { kind: "beats", items: list(fields["items"]).flatMap(liveBeat) };
    case "alarm": {
      const alarm = parseAlarm(fields["item"]);
      return alarm === null ? null : { kind: "alarm", id, cursor, alarm };
    }
    case "event": {
      const event = parseEvent(fields["item"]);
      return event === null ? null : { kind: "event", id, cursor, event };
    }
    case "gap":
      return { kind: "gap", patient: string(fields["patient"]) ?? "", stream: string(fields["stream"]) ?? "" };
    case "patients":
      return { kind: "patients", id, patients: list(fields["patients"]).flatMap((key) => string(key) ?? []) };
    case "state":
      return {
        kind: "state",
        serverMs: time(fields["server_time"]),
        cursor,
        sources: list(fields["sources"]).flatMap(sourceAge),
        simulated: fields["simulated"] === true,
      };
    case "error":
      return {
        kind: "error",
        code: string(fields["code"]) ?? "unknown",
        detail: string(fields["detail"]) ?? "",
        id: string(fields["id"]),
      };
    case "pong":
      return { kind: "pong" };
    default:
      return null;
  }
}

const STATES: readonly Alarm["state"][] = ["active", "acknowledged", "cleared", "ended"];
const VALIDITIES: readonly Validity[] = ["valid", "questionable", "stale", "absent"];

function vitalItem(item: unknown): VitalItem[] {
  if (!isRecord(item)) return [];
  const patient = string(item["patient"]);
  const measure = string(item["measure"]);
  const atMs = time(item["t"]);
  const validity = VALIDITIES.find((known) => known === item["validity"]);
  if (patient === null || measure === null || atMs === null || validity === undefined) return [];
  return [
    {
      patient,
      measure,
      atMs,
      validity,
      device: string(item["device"]) ?? "",
      method: string(item["method"]) ?? "",
      source: string(item["source"]) ?? "",
      value: number(item["value"]),
      quality: number(item["quality"]),
      revision: number(item["revision"]) ?? 0,
      order: number(item["order"]) ?? 0,
      reason: string(item["reason"]),
    },
  ];
}

function liveBeat(item: unknown): LiveBeat[] {
  if (!isRecord(item)) return [];
  const patient = string(item["patient"]);
  const device = string(item["device"]);
  const atMs = time(item["t"]);
  if (patient === null || device === null || atMs === null) return [];
  return [
    {
      patient,
      device,
      atMs,
      kind: string(item["kind"]) ?? "",
      class: string(item["class"]) ?? "unclassified",
      rrMs: number(item["rr_ms"]),
      quality: number(item["quality"]) ?? 0,
      revision: number(item["revision"]) ?? 0,
    },
  ];
}

function sourceAge(item: unknown): SourceAge[] {
  if (!isRecord(item)) return [];
  const ageS = number(item["age_s"]);
  if (ageS === null) return [];
  return [
    {
      patient: string(item["patient"]) ?? "",
      device: string(item["device"]) ?? "",
      stream: string(item["stream"]) ?? "",
      ageS,
    },
  ];
}

export function parseAlarm(item: unknown): Alarm | null {
  if (!isRecord(item)) return null;
  const id = string(item["id"]);
  const patient = string(item["patient"]);
  const since = string(item["since"]);
  const state = string(item["state"]);
  const priority = item["priority"];
  const kind = item["kind"];
  if (id === null || patient === null || since === null || state === null) return null;
  if (priority !== "high" && priority !== "medium" && priority !== "low") return null;
  if (kind !== "physiological" && kind !== "technical") return null;
  const relation = item["relation"];
  return {
    id,
    patient,
    priority,
    kind,
    since,
    state: STATES.find((known) => known === state) ?? "ended", // what is not known to stand does not stand
    ward: string(item["ward"]),
    bed: string(item["bed"]),
    condition: string(item["condition"]) ?? "",
    measure: string(item["measure"]),
    value: number(item["value"]),
    limit: number(item["limit"]),
    relation: relation === "<" || relation === ">" ? relation : null,
    unit: string(item["unit"]),
    method: string(item["method"]),
    derived: item["derived"] === true,
    updated: string(item["updated"]) ?? since,
    acknowledged_by: string(item["acknowledged_by"]),
    acknowledged_at: string(item["acknowledged_at"]),
    paused_until: string(item["paused_until"]),
    unsure: item["unsure"] === true,
    text_key: string(item["text_key"]) ?? "",
  };
}

function parseEvent(item: unknown): LiveEvent | null {
  if (!isRecord(item)) return null;
  return {
    id: string(item["id"]) ?? "",
    atMs: time(item["t"]),
    kind: string(item["kind"]) ?? "",
    severity: string(item["severity"]) ?? "info",
    patient: string(item["patient"]),
    device: string(item["device"]),
  };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}

function string(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

function number(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function time(value: unknown): number | null {
  if (typeof value !== "string") return null;
  const ms = Date.parse(value);
  return Number.isNaN(ms) ? null : ms;
}
