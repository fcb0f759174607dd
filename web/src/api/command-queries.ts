/** What is asked of a device through the server: commands, and the configuration that is wished. */
import { queryOptions } from "@tanstack/react-query";

import { body, type Client } from "./client";
import { problemOf, ProblemError } from "./problem";
import type { components } from "./schema";

export type Command = components["schemas"]["Command"];
export type Configuration = components["schemas"]["Configuration"];
export type Model = components["schemas"]["Model"];
export type ModelValue = components["schemas"]["ModelValue"];
export type Values = Record<string, string | number | boolean>;

const OPEN: ReadonlySet<Command["state"]> = new Set(["queued", "waiting", "sent"]);
const NEWEST = 20;
const SOON_MS = 1_000;
const LATER_MS = 10_000;

/** Whether something can still become of it. */
export function isOpen({ state }: Command): boolean {
  return OPEN.has(state);
}

export const modelsQuery = (api: Client) =>
  queryOptions({
    queryKey: ["models"],
    queryFn: async () => {
      const { items } = await body(api.GET("/v1/models"));
      return new Map<string, Model>(items.map((model) => [model.model, model]));
    },
    staleTime: Infinity,
  });

/** The newest commands of a device; asked again soon while one of them is open. */
export const commandsQuery = (api: Client, device: string) =>
  queryOptions({
    queryKey: ["commands", device],
    queryFn: async (): Promise<Command[]> => {
      const params = { path: { device }, query: { limit: NEWEST } };
      return (await body(api.GET("/v1/devices/{device}/commands", { params }))).items;
    },
    refetchInterval: (query) => (query.state.data?.some(isOpen) === true ? SOON_MS : LATER_MS),
    staleTime: 0,
  });

/** Sent again with the same key, it happens once. */
export const sendCommand = (api: Client, device: string, name: string, args: Values, key: string): Promise<Command> =>
  body(
    api.POST("/v1/devices/{device}/commands", {
      params: { path: { device }, header: { "Idempotency-Key": key } },
      body: { name, args, expires_s: 60 },
    }),
  );

export interface HeldConfiguration {
  readonly configuration: Configuration;
  readonly etag: string;
}

export const configurationQuery = (api: Client, device: string) =>
  queryOptions({
    queryKey: ["configuration", device],
    queryFn: async () => held(await api.GET("/v1/devices/{device}/configuration", { params: { path: { device } } })),
    refetchInterval: (query) => (query.state.data?.configuration.is_applied === false ? 2 * SOON_MS : LATER_MS),
    staleTime: 0,
  });

/** Wish some keys otherwise, if nobody did since `etag` was read; null takes a wish away. */
export async function wish(api: Client, device: string, keys: Record<string, unknown>, etag: string): Promise<HeldConfiguration> {
  const params = { path: { device }, header: { "If-Match": etag } };
  return held(await api.PATCH("/v1/devices/{device}/configuration", { params, body: keys }));
}

async function held(answer: { readonly data?: Configuration; readonly response: Response; readonly error?: unknown }): Promise<HeldConfiguration> {
  const { data, response, error } = answer;
  if (data !== undefined && response.ok) return { configuration: data, etag: response.headers.get("etag") ?? "*" };
  if (typeof error === "object" && error !== null && "code" in error && typeof error.code === "string") {
    const detail = "detail" in error && typeof error.detail === "string" ? error.detail : "";
    throw new ProblemError({ code: error.code, detail, retryAfterS: null });
  }
  throw new ProblemError(await problemOf(response));
}
