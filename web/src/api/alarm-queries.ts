/** What the alarms page asks of the server. */
import { queryOptions } from "@tanstack/react-query";

import { body, type Client } from "./client";
import { problemOf, ProblemError } from "./problem";
import type { Alarm } from "./types";
import type { paths } from "./schema";

type LimitsPath = paths["/v1/patients/{patient}/limits"];
export type PatientLimit = LimitsPath["get"]["responses"][200]["content"]["application/json"]["items"][number];
export type NewLimit = LimitsPath["put"]["requestBody"]["content"]["application/json"]["items"][number];

/** The limits that hold for a patient, and the tag that a change must rest on. */
export interface HeldLimits {
  readonly items: readonly PatientLimit[];
  readonly etag: string;
}

const PAGE = 1000;
const MOST_PAGES = 3;
const AGAIN_MS = 20_000;
const LEFT_MS = 1_000; // the rules take a change over within seconds

export interface PastAlarms {
  readonly alarms: readonly Alarm[];
  /** Whether there are more than the page fetches. */
  readonly cut: boolean;
}

/** Alarms of a ward that began since then, the newest first. */
export const pastAlarmsQuery = (api: Client, ward: string, fromMs: number) =>
  queryOptions({
    queryKey: ["past-alarms", ward, fromMs],
    queryFn: async (): Promise<PastAlarms> => {
      const alarms: Alarm[] = [];
      let cursor: string | null = null;
      for (let page = 0; page < MOST_PAGES; page += 1) {
        const query: { state: "all"; ward: string; limit: number; cursor?: string } = { state: "all", ward, limit: PAGE };
        if (cursor !== null) query.cursor = cursor;
        const answer = await body(api.GET("/v1/alarms", { params: { query } }));
        for (const alarm of answer.items) {
          if (Date.parse(alarm.since) < fromMs) return { alarms, cut: false };
          alarms.push(alarm);
        }
        if (answer.next === null) return { alarms, cut: false };
        cursor = answer.next;
      }
      return { alarms, cut: true };
    },
    refetchInterval: AGAIN_MS,
  });

const PATIENTS = "patient"; // the source of a patient's own limits

/** Whether a limit is set for the patient, and not one that was taken back a moment ago. */
export function isOwn(limit: PatientLimit): boolean {
  return limit.source === PATIENTS && limit.version > 0;
}

/** Whether it was taken back, and the alarm rules still use it. */
export function isLeaving(limit: PatientLimit): boolean {
  return limit.source === PATIENTS && limit.version === 0;
}

export const limitsQuery = (api: Client, patient: string) =>
  queryOptions({
    queryKey: ["limits", patient],
    queryFn: async () => held(await api.GET("/v1/patients/{patient}/limits", { params: { path: { patient } } })),
    // What holds instead is known when the rules have taken it over.
    refetchInterval: (query) => (query.state.data?.items.some(isLeaving) === true ? LEFT_MS : false),
  });

/** Set a patient's own limits as a whole, if nobody did since `etag` was read. */
export async function putLimits(api: Client, patient: string, items: NewLimit[], etag: string): Promise<HeldLimits> {
  const params = { path: { patient }, header: { "If-Match": etag } };
  return held(await api.PUT("/v1/patients/{patient}/limits", { params, body: { items } }));
}

async function held(answer: {
  readonly data?: { readonly items: readonly PatientLimit[] };
  readonly response: Response;
  readonly error?: unknown;
}): Promise<HeldLimits> {
  const { data, response, error } = answer;
  if (data !== undefined && response.ok) return { items: data.items, etag: response.headers.get("etag") ?? "*" };
  if (typeof error === "object" && error !== null && "code" in error && typeof error.code === "string") {
    throw new ProblemError({ code: error.code, detail: "", retryAfterS: null });
  }
  throw new ProblemError(await problemOf(response));
}
