/** What a patient is, as far as it is typed: bounds of each field, and what goes to the server. */
import type { LungGroup, LungReference, NewLungReference, Sex } from "../../api/types";

export const HEIGHTS_CM = { least: 50, most: 250 } as const;
export const PEAK_FLOWS_L_MIN = { least: 50, most: 1200 } as const;
export const OLDEST_YEARS = 130;
export const SEXES: readonly Sex[] = ["female", "male", "other", "unknown"];
export const GROUPS: readonly LungGroup[] = ["caucasian", "african_american", "north_east_asian", "south_east_asian", "other"];

export interface BodyDraft {
  readonly sex: string;
  readonly birthDate: string;
  readonly height: string;
  readonly heightOn: string;
  readonly group: string;
  /** Peak flow in L/min; nothing: the best of the last month. */
  readonly best: string;
}

export type BodyField = keyof BodyDraft;

/** What is known, ready to be changed; a height that is new was measured today. */
export function draftOf(known: LungReference, today: string): BodyDraft {
  return {
    sex: known.sex ?? "",
    birthDate: known.birth_date ?? "",
    height: known.height_cm === null ? "" : String(known.height_cm),
    heightOn: known.height_on ?? today,
    group: known.group ?? "",
    best: known.personal_best_l_min === null ? "" : String(known.personal_best_l_min),
  };
}

export type BodyProblem = "missing" | "height" | "future" | "before_birth" | "too_old" | "best";

/** What is wrong with each field; nothing where the server can be asked. */
export function problemsOf(draft: BodyDraft, today: string): Partial<Record<BodyField, BodyProblem>> {
  const { sex, birthDate, heightOn, group } = draft;
  const height = numberOf(draft.height);
  const found: Partial<Record<BodyField, BodyProblem>> = {};
  if (sex === "") found.sex = "missing";
  if (birthDate === "") found.birthDate = "missing";
  else if (birthDate > today) found.birthDate = "future";
  else if (birthDate < `${String(Number(today.slice(0, 4)) - OLDEST_YEARS)}${today.slice(4)}`) found.birthDate = "too_old";
  if (height === null || height < HEIGHTS_CM.least || height > HEIGHTS_CM.most) found.height = "height";
  if (heightOn === "") found.heightOn = "missing";
  else if (heightOn > today) found.heightOn = "future";
  else if (birthDate !== "" && heightOn < birthDate) found.heightOn = "before_birth";
  if (group === "") found.group = "missing";
  const best = numberOf(draft.best);
  if (draft.best.trim() !== "" && (best === null || best < PEAK_FLOWS_L_MIN.least || best > PEAK_FLOWS_L_MIN.most)) found.best = "best";
  return found;
}

/** As the server takes it: sex and birth date only where they are others than before; null while something is wrong. */
export function bodyToSave(draft: BodyDraft, known: LungReference, today: string): NewLungReference | null {
  const height = numberOf(draft.height);
  const best = numberOf(draft.best);
  const group = GROUPS.find((one) => one === draft.group);
  const sex = SEXES.find((one) => one === draft.sex);
  if (Object.keys(problemsOf(draft, today)).length > 0 || height === null || group === undefined || sex === undefined) return null;
  return {
    height_cm: height,
    height_on: draft.heightOn,
    group,
    ...(best === known.personal_best_l_min ? {} : { personal_best_l_min: best }),
    ...(sex === known.sex ? {} : { sex }),
    ...(draft.birthDate === known.birth_date ? {} : { birth_date: draft.birthDate }),
  };
}

/** With point or comma. */
function numberOf(typed: string): number | null {
  const text = typed.trim().replace(",", ".");
  return /^\d{1,4}(\.\d+)?$/.test(text) ? Number(text) : null;
}

/** `2026-11-22` by the clock of the screen's zone. */
export function dayOf(ms: number): string {
  const at = new Date(ms);
  const two = (n: number): string => String(n).padStart(2, "0");
  return `${String(at.getFullYear())}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}
