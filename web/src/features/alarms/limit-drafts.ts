/** What somebody is about to change in a patient's limits. Pure, so that it can be tested without a page. */
import { isOwn, type NewLimit, type PatientLimit } from "../../api/alarm-queries";

/** A limit as somebody wants it; `default` gives up the patient's own. */
export interface Draft {
  readonly low: number | null;
  readonly high: number | null;
  readonly enabled: boolean;
  readonly reason: string;
  readonly toDefault: boolean;
}

export type Drafts = ReadonlyMap<string, Draft>;

/** The plausible range of a measure, from the server's table. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

export type DraftProblem = "outside" | "crossed" | "reason";

export function draftOf(limit: PatientLimit): Draft {
  return { low: limit.low, high: limit.high, enabled: limit.enabled, reason: "", toDefault: false };
}

export function isChanged(limit: PatientLimit, draft: Draft): boolean {
  if (draft.toDefault) return isOwn(limit);
  return draft.low !== limit.low || draft.high !== limit.high || draft.enabled !== limit.enabled;
}

/** Whether an alarm would come later than before or not at all: that wants a reason. */
export function isLess(limit: PatientLimit, draft: Draft): boolean {
  if (draft.toDefault || !limit.enabled) return false;
  if (!draft.enabled) return true;
  const lowGives = limit.low !== null && (draft.low === null || draft.low < limit.low);
  const highGives = limit.high !== null && (draft.high === null || draft.high > limit.high);
  return lowGives || highGives;
}

export function problemOfDraft(limit: PatientLimit, draft: Draft, range: Range): DraftProblem | null {
  if (draft.toDefault || !isChanged(limit, draft)) return null;
  for (const value of [draft.low, draft.high]) {
    if (value !== null && (value < range.low || value > range.high)) return "outside";
  }
  if (draft.low !== null && draft.high !== null && draft.low >= draft.high) return "crossed";
  return isLess(limit, draft) && draft.reason.trim() === "" ? "reason" : null;
}

/** The patient's own limits as a whole: what was own and stays, and what is changed. */
export function limitsToSave(limits: readonly PatientLimit[], drafts: Drafts): NewLimit[] {
  const items: NewLimit[] = [];
  for (const limit of limits) {
    const draft = drafts.get(limit.measure);
    const changed = draft !== undefined && isChanged(limit, draft);
    if (!changed && !isOwn(limit)) continue;
    if (changed && draft.toDefault) continue;
    const { low, high, enabled } = changed ? draft : limit;
    const reason = changed ? draft.reason.trim() : (limit.reason ?? "");
    items.push({
      measure: limit.measure as NewLimit["measure"], // of the server's own answer
      low,
      high,
      enabled,
      delay_s: isOwn(limit) ? limit.delay_s : null,
      reason: reason === "" ? null : reason,
    });
  }
  return items;
}
