/** What the event log asks of the server. */
import { queryOptions } from "@tanstack/react-query";

import { body, type Client } from "./client";
import type { components, paths } from "./schema";

export type LogEntry = components["schemas"]["LogEntry"];
export type LogPage = components["schemas"]["EventLog"];
export type Topic = LogEntry["topic"];
type Query = NonNullable<paths["/v1/events"]["get"]["parameters"]["query"]>;
export type Severity = NonNullable<NonNullable<Query["severity"]>>[number];

/** Which part of the log; null: all of it. */
export interface Asked {
  readonly fromMs: number;
  readonly topic: Topic | null;
  readonly severity: Severity | null;
  readonly device: string | null;
  readonly patient: string | null;
  readonly user: string | null;
}

export interface Log {
  /** The newest first. */
  readonly items: readonly LogEntry[];
  /** Where older ones go on; null when there are none. */
  readonly next: string | null;
  /** When the newest page was last asked for whole, by the clock of this screen. */
  readonly wholeMs: number;
}

const FIRST = 100;
const AGAIN = 500;
const MOST_PAGES = 4;
const OVERLAP_MS = 60_000; // what comes a little late, and what becomes of commands
const WHOLE_MS = 60_000;
const AGAIN_MS = 10_000;

export function logPage(api: Client, asked: Asked, fromMs: number, limit: number, cursor: string | null): Promise<LogPage> {
  const query: Query = { from: new Date(fromMs).toISOString(), limit };
  if (cursor !== null) query.cursor = cursor;
  if (asked.topic !== null) query.topic = [asked.topic];
  if (asked.severity !== null) query.severity = [asked.severity];
  if (asked.device !== null) query.device = asked.device;
  if (asked.patient !== null) query.patient = asked.patient;
  if (asked.user !== null) query.user = asked.user;
  return body(api.GET("/v1/events", { params: { query } }));
}

/** The newest of the log, and from then on what is new; what came late is found within a minute. */
export const logQuery = (api: Client, asked: Asked) =>
  queryOptions({
    queryKey: ["log", asked] as const,
    queryFn: async ({ client, queryKey }): Promise<Log> => {
      const held = (): Log | undefined => client.getQueryData<Log>(queryKey);
      const before = held();
      const newest = before?.items[0];
      if (before === undefined || newest === undefined || Date.now() - before.wholeMs > WHOLE_MS) {
        const wholeMs = Date.now();
        const first = await logPage(api, asked, asked.fromMs, FIRST, null);
        const oldest = first.items.at(-1);
        // more is new than fits: what is here would not join it
        const apart = first.next !== null && newest !== undefined && oldest !== undefined && oldest.t > newest.t;
        const now = held();
        if (now === undefined || newest === undefined || apart) return { items: first.items, next: first.next, wholeMs };
        return { items: merge(now.items, first.items), next: now.next, wholeMs };
      }
      const fromMs = Math.max(asked.fromMs, Date.parse(newest.t) - OVERLAP_MS);
      const fresh: LogEntry[] = [];
      let cursor: string | null = null;
      for (let page = 0; page < MOST_PAGES && (page === 0 || cursor !== null); page++) {
        const answer: LogPage = await logPage(api, asked, fromMs, AGAIN, cursor);
        fresh.push(...answer.items);
        cursor = answer.next;
      }
      // too much has come to join it to what is here: begin anew at the newest
      if (cursor !== null) return { items: fresh, next: cursor, wholeMs: before.wholeMs };
      const now = held() ?? before;
      return { items: merge(now.items, fresh), next: now.next, wholeMs: now.wholeMs };
    },
    refetchInterval: AGAIN_MS,
    staleTime: 0,
  });

/** What is older than all that is here, behind it. */
export async function olderOf(api: Client, asked: Asked, log: Log): Promise<Log> {
  const page = await logPage(api, asked, asked.fromMs, FIRST, log.next);
  return { ...log, items: merge(log.items, page.items), next: page.next };
}

/** Both, each row once as it was told last, the newest first. */
export function merge(held: readonly LogEntry[], fresh: readonly LogEntry[]): LogEntry[] {
  const byId = new Map(held.map((entry) => [entry.id, entry]));
  for (const entry of fresh) byId.set(entry.id, entry);
  return [...byId.values()].sort((one, other) => compare(other.t, one.t) || compare(other.id, one.id));
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
