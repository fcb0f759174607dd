/** What is asked of the server, each with its key and how long the answer holds. */
import { queryOptions } from "@tanstack/react-query";

import { body, type Client } from "./client";
import type { Beat, EventPage, LungReference, MeasureKey, NewLungReference, Patient, PatientEvent, PatientPage, StreamKey } from "./types";

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

/** The forced breaths of the last year, beside what is expected of them. */
export const blowsQuery = (api: Client, patient: string) =>
  queryOptions({
    queryKey: ["blows", patient],
    queryFn: () => body(api.GET("/v1/patients/{patient}/spirometry", { params: { path: { patient } } })),
    refetchInterval: 10 * MINUTE_MS, // a breath that comes live has them asked for at once
  });

export const setLungReference = (api: Client, patient: string, reference: NewLungReference): Promise<LungReference> =>
  body(api.PUT("/v1/patients/{patient}/spirometry/reference", { params: { path: { patient } }, body: reference }));

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

export interface HistoryRange {
  readonly patient: string;
  readonly fromMs: number;
  readonly toMs: number;
}

export interface TrendRange extends HistoryRange {
  readonly measure: MeasureKey;
  readonly points: number;
}

const interval = ({ fromMs, toMs }: HistoryRange) => ({ from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() });

export const trendQuery = (api: Client, range: TrendRange) =>
  queryOptions({
    queryKey: ["trend", range] as const,
    queryFn: () => {
      const query = { measure: range.measure, points: range.points, ...interval(range) };
      return body(api.GET("/v1/patients/{patient}/vitals", { params: { path: { patient: range.patient }, query } }));
    },
    staleTime: MINUTE_MS / 2,
  });

const MOST_EVENTS = 1_000;

const MOST_PAGES = 5; // a week with more events than that is not read on an axis

/** What happened to a patient, alarms included, the newest first. */
export const eventsQuery = (api: Client, range: HistoryRange) =>
  queryOptions({
    queryKey: ["events", range],
    queryFn: async () => {
      const events: PatientEvent[] = [];
      let cursor: string | null = null;
      for (let page = 0; page < MOST_PAGES && (page === 0 || cursor !== null); page++) {
        const query = { limit: MOST_EVENTS, ...interval(range), ...(cursor === null ? {} : { cursor }) };
        const answer: EventPage = await body(api.GET("/v1/patients/{patient}/events", { params: { path: { patient: range.patient }, query } }));
        events.push(...answer.items);
        cursor = answer.next;
      }
      return events;
    },
    staleTime: MINUTE_MS / 2,
  });

export interface PieceRange extends HistoryRange {
  /** When it may still grow: as of when it is asked for; null when it is whole. */
  readonly asOfMs: number | null;
}

const MOST_SAMPLES = 5_000;
const KEPT_MS = 10 * MINUTE_MS;

/** A few seconds of stored samples, each one of them. */
export const waveformQuery = (api: Client, piece: PieceRange, stream: StreamKey) =>
  queryOptions({
    queryKey: ["waveform", stream, piece] as const,
    queryFn: () => {
      const query = { stream, points: MOST_SAMPLES, ...interval(piece) };
      return body(api.GET("/v1/patients/{patient}/waveforms", { params: { path: { patient: piece.patient }, query } }));
    },
    staleTime: Infinity,
    gcTime: piece.asOfMs === null ? KEPT_MS : MINUTE_MS / 2,
  });

export interface FloorRoom {
  readonly id: number;
  readonly name: string;
  /** Corners in m; null where they are not known. */
  readonly outline: readonly (readonly number[])[] | null;
}

const STORED_MS = 5_000; // of live values one in five seconds is stored

/** The rooms of the floor on which a patient is; asked for again until the room is among them. */
export const floorQuery = (api: Client, patient: string, room: number) =>
  queryOptions({
    queryKey: ["floor", patient, room] as const,
    queryFn: async (): Promise<readonly FloorRoom[]> => {
      const answer = await body(api.GET("/v1/patients/{patient}/place", { params: { path: { patient }, query: { plan: true } } }));
      return answer.plan ?? [];
    },
    staleTime: Infinity,
    refetchInterval: ({ state }) => (state.data?.some(({ id }) => id === room) === true ? false : STORED_MS),
  });

/** How long a patient was in which room since a moment, the longest first. */
export const roomsQuery = (api: Client, patient: string, fromMs: number) =>
  queryOptions({
    queryKey: ["rooms", patient, fromMs] as const,
    queryFn: () => body(api.GET("/v1/patients/{patient}/rooms", { params: { path: { patient }, query: { from: new Date(fromMs).toISOString() } } })),
    refetchInterval: MINUTE_MS,
  });

const MOST_BEATS = 1_000;

/** R peaks of a few seconds or minutes, the oldest first. */
export const beatsQuery = (api: Client, piece: PieceRange) =>
  queryOptions({
    queryKey: ["beats", piece] as const,
    queryFn: async (): Promise<Beat[]> => {
      const query = { kind: "r_peak" as const, limit: MOST_BEATS, ...interval(piece) };
      return (await body(api.GET("/v1/patients/{patient}/beats", { params: { path: { patient: piece.patient }, query } }))).items;
    },
    staleTime: Infinity,
    gcTime: piece.asOfMs === null ? KEPT_MS : MINUTE_MS / 2,
  });
