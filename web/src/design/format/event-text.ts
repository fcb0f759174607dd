/** One event or act in a sentence: what is, with what the data says of it. Pure. */
import { texts } from "../texts";
import { eventTexts } from "../texts-events";
import { vitalDisplay } from "../vital-display";
import { formatValue } from "./numbers";

export type EventData = Readonly<Record<string, unknown>>;

export interface EventFacts {
  readonly kind: string;
  readonly data: EventData;
  /** Of an act: granted, refused, or how far a command is. */
  readonly outcome?: string | null;
  readonly device?: string | null;
  readonly bed?: string | null;
}

/** What happened, without alarms, which have their own message. */
export function eventText(event: EventFacts): string {
  const { kind, data } = event;
  const words = eventTexts.details;
  const head = eventTexts.kinds[kind] ?? plain(kind);
  switch (kind) {
    case "lead_off":
    case "lead_on":
      return joined(head, text(data, "electrode") ?? streamOf(data));
    case "sensor_fault":
      return joined(head, streamOf(data) ?? reasonOf(data));
    case "samples_missing":
      return joined(head, [streamOf(data), reasonOf(data)].filter(isText).join(", "));
    case "battery_low": {
      const percent = number(data, "battery_percent") ?? number(data, "percent");
      return percent === null ? head : `${words.battery} ${formatValue(percent, 0)}\u00a0%`;
    }
    case "message_refused":
      return joined(head, reasonOf(data));
    case "status_changed": {
      const status = text(data, "status");
      if (status === null) return head;
      const name = eventTexts.statuses[status] ?? plain(status);
      return data["on"] === false ? words.statusOff(name) : name;
    }
    case "apnoea":
    case "sources_disagree": {
      const of = text(data, "name");
      const name = joined(head, of === null ? null : (eventTexts.fusions[of] ?? plain(of).toLowerCase()));
      return data["has_ended"] === true ? words.statusOff(name) : name;
    }
    case "rhythm": {
      const found = text(data, "name");
      if (found === null) return head;
      const name = eventTexts.rhythms[found] ?? plain(found);
      if (data["has_ended"] === true) return words.statusOff(name);
      return joined(name, [rhythmDetail(data), sureness(data)].filter(isText).join(", "));
    }
    case "signal_noise": {
      const of = text(data, "name");
      const noise = of === null ? null : (eventTexts.noises[of] ?? plain(of).toLowerCase());
      const name = joined(head, [streamOf(data), noise].filter(isText).join(", "));
      return data["has_ended"] === true ? words.statusOff(name) : name;
    }
    case "fall": {
      return joined(head, sureness(data));
    }
    case "position_wrong":
    case "card_error":
    case "front_end_fault":
      return joined(head, reasonOf(data, kind));
    case "recording_made":
      return joined(head, text(data, "file"));
    case "file_stored": {
      const frames = number(data, "frames");
      return joined(head, [text(data, "file"), frames === null ? null : words.frames(formatValue(frames, 0))].filter(isText).join(", "));
    }
    case "file_refused":
      return joined(head, [text(data, "file"), reasonOf(data), place(data)].filter(isText).join(", "));
    case "memory_cleared": {
      const results = data["results"];
      const count = typeof results === "number" ? results : Array.isArray(results) ? results.length : null;
      return joined(head, count === null ? null : words.results(count));
    }
    case "unit_joined":
    case "unit_left":
      return joined(head, text(data, "unit") ?? text(data, "kind"));
    case "command_finished": {
      const name = plain(text(data, "name") ?? "command");
      const outcome = eventTexts.outcomes[event.outcome ?? text(data, "outcome") ?? ""] ?? plain(event.outcome ?? "");
      return joined(`${name} ${outcome}`.trim(), text(data, "detail"));
    }
    case "stream_truncated":
      return joined(head, text(data, "stream"));
    default:
      return head;
  }
}

/** What a person or a program did, or tried. */
export function actText(event: EventFacts): string {
  const { kind, data, outcome } = event;
  const words = eventTexts.acts;
  const head = words.names[kind] ?? plain(kind);
  const refused = outcome === "refused" && kind !== "command_device";
  const told = ((): string => {
    switch (kind) {
      case "command_device": {
        const args = record(data["args"]);
        const values = Object.entries(args).map(([name, value]) => `${plain(name).toLowerCase()} ${String(value)}`).join(", ");
        const state = eventTexts.outcomes[outcome ?? ""] ?? null;
        return [joined(`${head} ${plain(text(data, "name") ?? "").toLowerCase()}`.trim(), values === "" ? null : values), state].filter(isText).join(", ");
      }
      case "pause_alarms": {
        const minutes = number(data, "minutes");
        return minutes === null ? head : `${head} ${words.minutes(minutes)}`;
      }
      case "set_limits":
        return joined(head, limits(data));
      case "change_group": {
        const group = text(data, "group") ?? "";
        if (data["belongs"] === true) return words.joined(group);
        if (data["belongs"] === false) return words.left(group);
        return joined(head, [group, text(data, "what")].filter(isText).join(", "));
      }
      case "import_file":
        return joined(head, text(data, "format")?.replaceAll("_", " ") ?? null);
      case "set_retention": {
        const days = number(data, "keep_days");
        return joined(head, days === null ? words.keepAsSite : words.keepDays(days));
      }
      default:
        return head;
    }
  })();
  return refused ? (words.refusals[kind] ?? words.refused(told)) : told;
}

/** `lead_off` as people write it: `Lead off`. */
export function plain(key: string): string {
  const words = key.replaceAll("_", " ").trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** How long a pause was, how many beats a run had. */
function rhythmDetail(data: EventData): string | null {
  const words = eventTexts.details;
  const seconds = number(data, "duration_s");
  if (seconds !== null) return words.seconds(formatValue(seconds, 1));
  const beats = number(data, "beats");
  const rate = number(data, "rate");
  return beats === null || rate === null ? null : words.run(formatValue(beats, 0), formatValue(rate, 0));
}

/** How sure what computed it is. */
function sureness(data: EventData): string | null {
  const confidence = number(data, "confidence");
  return confidence === null ? null : eventTexts.details.sure(formatValue(100 * confidence, 0));
}

function streamOf(data: EventData): string | null {
  const key = text(data, "stream");
  return key === null ? null : (texts.patient.lanes[key] ?? plain(key));
}

function reasonOf(data: EventData, kind = ""): string | null {
  const reason = text(data, "reason");
  if (reason === null || reason === kind) return null;
  return eventTexts.reasons[reason] ?? plain(reason).toLowerCase();
}

function place(data: EventData): string | null {
  const line = number(data, "line");
  if (line !== null) return eventTexts.details.line(line);
  const offset = number(data, "offset");
  return offset === null ? null : eventTexts.details.offset(offset);
}

function limits(data: EventData): string | null {
  const rows = Array.isArray(data["limits"]) ? data["limits"].map(record) : [];
  const told = rows.map((row) => {
    const name = vitalDisplay(text(row, "measure") ?? "").short.replaceAll("_", " ");
    if (row["enabled"] === false) return eventTexts.acts.limitOff(name);
    const low = number(row, "low");
    const high = number(row, "high");
    return eventTexts.acts.limit(name, low === null ? "–" : String(low), high === null ? "–" : String(high));
  });
  return told.length === 0 ? eventTexts.acts.limitsAsSite : told.join("; ");
}

function joined(head: string, detail: string | null): string {
  return detail === null || detail === "" ? head : `${head}: ${detail}`;
}

function isText(value: string | null): value is string {
  return value !== null && value !== "";
}

function text(data: EventData, name: string): string | null {
  const value = data[name];
  return typeof value === "string" && value !== "" ? value : null;
}

function number(data: EventData, name: string): number | null {
  const value = data[name];
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

function record(value: unknown): EventData {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value)) : {};
}
