/** What the devices page asks of the server. */
import { queryOptions } from "@tanstack/react-query";

import { body, type Client } from "./client";
import type { components, paths } from "./schema";

type DevicesPath = paths["/v1/devices"];
export type Device = DevicesPath["get"]["responses"][200]["content"]["application/json"]["items"][number];
export type NewDevice = DevicesPath["post"]["requestBody"]["content"]["application/json"];
export type DeviceSecret = DevicesPath["post"]["responses"][201]["content"]["application/json"];

export type ClaimCode = components["schemas"]["ClaimCode"];
export type Claim = components["schemas"]["Claim"];
export type Counters = components["schemas"]["Counters"];
export type DeviceFile = components["schemas"]["Import"];
export type Group = components["schemas"]["Group"];

const PAGE = 500;
const AGAIN_MS = 5_000;

/** All devices that the user may see, by their id. */
export const devicesQuery = (api: Client) =>
  queryOptions({
    queryKey: ["devices"],
    queryFn: async (): Promise<Device[]> => {
      const devices: Device[] = [];
      let cursor: string | null = null;
      do {
        const query: { limit: number; cursor?: string } = { limit: PAGE };
        if (cursor !== null) query.cursor = cursor;
        const page: { items: Device[]; next: string | null } = await body(api.GET("/v1/devices", { params: { query } }));
        devices.push(...page.items);
        cursor = page.next;
      } while (cursor !== null);
      return devices;
    },
    refetchInterval: AGAIN_MS,
    staleTime: 0,
  });

export const registerDevice = (api: Client, device: NewDevice, key: string): Promise<DeviceSecret> =>
  body(api.POST("/v1/devices", { body: device, params: { header: { "Idempotency-Key": key } } }));

export const rotateSecret = (api: Client, device: string): Promise<DeviceSecret> =>
  body(api.POST("/v1/devices/{device}/rotate", { params: { path: { device } } }));

export const revokeDevice = (api: Client, device: string) =>
  body(api.POST("/v1/devices/{device}/revoke", { params: { path: { device } } }));

export const retireDevice = (api: Client, device: string) =>
  body(api.POST("/v1/devices/{device}/retire", { params: { path: { device } } }));

/** What is counted of a device. */
export const countersQuery = (api: Client, device: string) =>
  queryOptions({
    queryKey: ["counters", device],
    queryFn: () => body(api.GET("/v1/devices/{device}/counters", { params: { path: { device } } })),
    refetchInterval: AGAIN_MS,
    staleTime: 0,
  });

const FILES = 20;

/** The newest files of a device: those that it sent, and those that people brought. */
export const filesQuery = (api: Client, device: string) =>
  queryOptions({
    queryKey: ["files", device],
    queryFn: async (): Promise<DeviceFile[]> => (await body(api.GET("/v1/imports", { params: { query: { device, limit: FILES } } }))).items,
    refetchInterval: AGAIN_MS,
    staleTime: 0,
  });

/** A code that lets somebody with the device in hand put it on a patient; a new one ends the one before. */
export const makeClaimCode = (api: Client, device: string): Promise<ClaimCode> =>
  body(api.POST("/v1/devices/{device}/claim-code", { params: { path: { device } } }));

export const claimDevice = (api: Client, claim: Claim) => body(api.POST("/v1/devices/claim", { body: claim }));

export const groupsQuery = (api: Client) =>
  queryOptions({
    queryKey: ["groups"],
    queryFn: async (): Promise<Group[]> => (await body(api.GET("/v1/groups"))).items,
  });

export const makeGroup = (api: Client, key: string, name: string): Promise<Group> =>
  body(api.POST("/v1/groups", { body: { key, name } }));

export const joinGroup = (api: Client, group: string, device: string): Promise<Group> =>
  body(api.PUT("/v1/groups/{group}/devices/{device}", { params: { path: { group, device } } }));

export const leaveGroup = (api: Client, group: string, device: string): Promise<Group> =>
  body(api.DELETE("/v1/groups/{group}/devices/{device}", { params: { path: { group, device } } }));
