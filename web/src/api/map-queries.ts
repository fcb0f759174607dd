/** What the page of maps asks of the server. */
import { queryOptions } from "@tanstack/react-query";

import { body, type Client } from "./client";
import { problemOf, ProblemError } from "./problem";
import type { components } from "./schema";

export type PlaceMap = components["schemas"]["PlaceMap"];
type MapPage = components["schemas"]["PlaceMapList"];

const PAGE = 500; // more are not kept
const AGAIN_MS = 5_000;

/** All maps, the newest first. */
export const mapsQuery = (api: Client) =>
  queryOptions({
    queryKey: ["maps"],
    queryFn: async (): Promise<PlaceMap[]> => {
      const maps: PlaceMap[] = [];
      let cursor: string | null = null;
      do {
        const page: MapPage = await body(api.GET("/v1/maps", { params: { query: { limit: PAGE, ...(cursor === null ? {} : { cursor }) } } }));
        maps.push(...page.items);
        cursor = page.next;
      } while (cursor !== null);
      return maps;
    },
    refetchInterval: AGAIN_MS,
    staleTime: 0,
  });

/** The rooms of a map: these never change. */
export const planQuery = (api: Client, map: number) =>
  queryOptions({
    queryKey: ["map", map] as const,
    queryFn: () => body(api.GET("/v1/maps/{map}", { params: { path: { map } } })),
    staleTime: Infinity,
  });

/** A file as somebody wrote it; what site and floor a CSV text is of stands in no line of it. */
export type MapFile =
  | { readonly form: "application/json"; readonly text: string }
  | { readonly form: "text/csv"; readonly text: string; readonly site: string; readonly floor: string };

/** Kept as the next version of its floor; the same again is the same map. */
export const bringMap = (api: Client, file: MapFile): Promise<PlaceMap> =>
  body(
    api.POST("/v1/maps", {
      params: { query: file.form === "text/csv" ? { site: file.site, floor: file.floor } : {} },
      headers: { "Content-Type": file.form },
      body: file.text,
      bodySerializer: (text) => text, // as it stands in the file: the server tells the line
    }),
  );

export const takeIntoUse = (api: Client, map: number): Promise<PlaceMap> => body(api.POST("/v1/maps/{map}/use", { params: { path: { map } } }));

export async function removeMap(api: Client, map: number): Promise<void> {
  const { response } = await api.DELETE("/v1/maps/{map}", { params: { path: { map } }, parseAs: "stream" });
  if (!response.ok) throw new ProblemError(await problemOf(response));
}
