/** What a person does to alarms. Nothing is assumed: the alarm is quiet when the server says so. */
import { useMutation } from "@tanstack/react-query";

import { body } from "../api/client";
import { asProblem } from "../api/problem";
import { texts } from "../design/texts";
import { useSession } from "./session";

export function useAcknowledge() {
  const { api, live } = useSession();
  return useMutation({
    mutationFn: (alarm: string) =>
      body(api.POST("/v1/alarms/{alarm}/acknowledge", { params: { path: { alarm } } })),
    onSuccess: (alarm) => {
      if ("id" in alarm) live.receiveAlarm(alarm);
    },
  });
}

export interface PauseWish {
  readonly minutes: 1 | 2 | 3;
  readonly ward?: string;
  readonly patient?: string;
}

export function usePause() {
  const { api, live } = useSession();
  return useMutation({
    mutationFn: (wish: PauseWish) => body(api.POST("/v1/alarms/pause", { body: wish })),
    onSuccess: () => {
      live.reload();
    },
  });
}

export function acknowledgeProblem(error: unknown): string {
  const { code } = asProblem(error);
  return code === "forbidden" || code === "http_403" ? texts.acknowledge.forbidden : texts.acknowledge.failed;
}
