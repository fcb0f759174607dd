/** How the sensors of a device sit, as told by its wearer standing upright and still. */
import { queryOptions } from "@tanstack/react-query";

import { body, type Client } from "./client";
import type { components } from "./schema";

export type Stance = components["schemas"]["Stance"];

const CHANGING: ReadonlySet<Stance["state"]> = new Set(["reading", "starting", "ending"]);
const SOON_MS = 2_000;
const LATER_MS = 30_000;

/** The newest stance; asked again soon while something becomes of it. */
export const stanceQuery = (api: Client, device: string) =>
  queryOptions({
    queryKey: ["stance", device],
    queryFn: (): Promise<Stance> => body(api.GET("/v1/devices/{device}/stance", { params: { path: { device } } })),
    refetchInterval: (query) => (query.state.data !== undefined && CHANGING.has(query.state.data.state) ? SOON_MS : LATER_MS),
    staleTime: 0,
  });

/** The wearer has stood for the five seconds before. */
export const tellStance = (api: Client, device: string): Promise<Stance> =>
  body(api.POST("/v1/devices/{device}/stance", { params: { path: { device } } }));

/** Sensors sit as their axes are named, from some seconds later on. */
export const takeBackStance = (api: Client, device: string): Promise<Stance> =>
  body(api.DELETE("/v1/devices/{device}/stance", { params: { path: { device } } }));
