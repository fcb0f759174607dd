/** What the devices page asks of the server. */
import { queryOptions } from "@tanstack/react-query";

import { body, type Client } from "./client";
import type { paths } from "./schema";

type DevicesPath = paths["/v1/devices"];
export type Device = DevicesPath["get"]["responses"][200]["content"]["application/json"]["items"][number];
export type NewDevice = DevicesPath["post"]["requestBody"]["content"]["application/json"];
export type DeviceSecret = DevicesPath["post"]["responses"][201]["content"]["application/json"];

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
