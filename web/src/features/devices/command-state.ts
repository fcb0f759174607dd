/** What a command's state is called. Pure, so that it can be tested without a page. */
import type { Command, ModelValue } from "../../api/command-queries";

export type CommandLook = "wait" | "done" | "late" | "failed";

export interface CommandNews {
  readonly look: CommandLook;
  readonly kind: Command["state"] | "late";
  /** Seconds that it waits, or took. */
  readonly seconds: number | null;
  readonly detail: string | null;
}

const LATE_S = 10;

export function newsOf(command: Command, nowMs: number): CommandNews {
  const { state, detail } = command;
  const askedMs = Date.parse(command.requested_at);
  const sentMs = command.sent_at === null ? null : Date.parse(command.sent_at);
  const endMs = command.finished_at === null ? null : Date.parse(command.finished_at);
  const took = endMs === null ? null : Math.max(0, (endMs - (sentMs ?? askedMs)) / 1000);
  switch (state) {
    case "queued":
    case "waiting":
      return { look: "wait", kind: state, seconds: Math.max(0, (nowMs - askedMs) / 1000), detail };
    case "sent": {
      const waits = Math.max(0, (nowMs - (sentMs ?? askedMs)) / 1000);
      return { look: waits > LATE_S ? "late" : "wait", kind: waits > LATE_S ? "late" : state, seconds: waits, detail };
    }
    case "done":
      return { look: "done", kind: state, seconds: took, detail };
    case "refused":
    case "failed":
    case "expired":
    case "unknown":
      return { look: "failed", kind: state, seconds: took, detail };
    default:
      return state satisfies never;
  }
}

/** What was typed, as the model's kind of value; undefined: it does not fit. */
export function readValue(value: ModelValue, typed: string): string | number | boolean | null | undefined {
  if (typed.trim() === "") return null;
  if (value.kind === "boolean") return typed === "true";
  if (value.kind === "text") return value.most !== null && typed.length > value.most ? undefined : typed;
  if (value.kind !== "integer" && value.kind !== "number") return typed;
  const number = Number(typed.trim().replace(",", "."));
  if (!Number.isFinite(number) || (value.kind === "integer" && !Number.isInteger(number))) return undefined;
  if ((value.low !== null && number < value.low) || (value.high !== null && number > value.high)) return undefined;
  return number;
}
