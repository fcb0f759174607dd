/** What is asked of the server, each with its key and how long the answer holds. */
import { queryOptions } from "@tanstack/react-query";

import { body, type Client } from "./client";
import type { MeasureKey, Patient, PatientPage } from "./types";

const MINUTE_MS = 60_000;
const MOST_A_PAGE = 500;

export const meQuery = (api: Client) =>
  queryOptions({ queryKey: ["me"], queryFn: () => body(api.GET("/v1/me")), staleTime: Infinity });

export const measuresQuery = (api: Client) =>
  queryOptions({
    queryKey: ["measures"],
    queryFn: async () => {
      const { items } = await body(api.GET("/v1/measures"));
      return new Map(items.map((row) => [row.key, row]));
    },
    staleTime: Infinity,
  });

export const wardQuery = (api: Client, ward: string) =>
  queryOptions({
    queryKey: ["ward", ward],
    queryFn: () => body(api.GET("/v1/wards/{ward}", { params: { path: { ward } } })),
    refetchInterval: MINUTE_MS,
  });

/** All patients whom the user may see, by key. */
export const patientsQuery = (api: Client) =>
  queryOptions({
    queryKey: ["patients"],
    queryFn: async () => {
      const patients = new Map<string, Patient>();
      let cursor: string | null = null;
      do {
        const page: PatientPage = await body(
          api.GET("/v1/patients", { params: { query: { limit: MOST_A_PAGE, ...(cursor === null ? {} : { cursor }) } } }),
        );
        for (const patient of page.items) patients.set(patient.key, patient);
        cursor = page.next;
      } while (cursor !== null);
      return patients;
    },
    refetchInterval: MINUTE_MS,
  });

export const patientQuery = (api: Client, patient: string) =>
  queryOptions({
    queryKey: ["patient", patient],
    queryFn: () => body(api.GET("/v1/patients/{patient}", { params: { path: { patient } } })),
    refetchInterval: MINUTE_MS,
  });

export const alarmsQuery = (api: Client, ward: string, epoch: number) =>
  queryOptions({
    queryKey: ["alarms", ward, epoch],
    queryFn: async () => {
      const query = { ward, state: "active" } as const;
      return (await body(api.GET("/v1/alarms", { params: { query } }))).items;
    },
    refetchInterval: MINUTE_MS / 2,
    staleTime: 0,
  });

export interface TrendRange {
  readonly patient: string;
  readonly measure: MeasureKey;
  readonly fromMs: number;
  readonly toMs: number;
  readonly points: number;
}

export const trendQuery = (api: Client, range: TrendRange) =>
  queryOptions({
    queryKey: ["trend", range],
    queryFn: () => {
      const query = {
        measure: range.measure,
        from: new Date(range.fromMs).toISOString(),
        to: new Date(range.toMs).toISOString(),
        points: range.points,
      };
      const path = { patient: range.patient };
      return body(api.GET("/v1/patients/{patient}/vitals", { params: { path, query } }));
    },
    staleTime: MINUTE_MS / 2,
  });
