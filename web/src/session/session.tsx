/** Who is signed in, and the two ways to the server: REST and the live socket. */
import { createContext, use, useSyncExternalStore } from "react";

import type { Client } from "../api/client";
import type { Me, MeasureRow } from "../api/types";
import type { AlarmSound } from "../live/alarm-sound";
import type { LiveConnection } from "../live/live-connection";

export interface Session {
  readonly me: Me;
  readonly api: Client;
  readonly live: LiveConnection;
  readonly sound: AlarmSound;
  readonly measures: ReadonlyMap<string, MeasureRow>;
  /** The ward on the screen; null for a user without one. */
  readonly ward: string | null;
  readonly chooseWard: (ward: string) => void;
  readonly signOut: () => void;
}

export const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  const session = use(SessionContext);
  if (session === null) throw new Error("no session around this component");
  return session;
}

interface Watchable<T> {
  readonly get: () => T;
  readonly subscribe: (listener: () => void) => () => void;
}

/** The value of an observable of the live side, as of now. */
export function useWatched<T>(watchable: Watchable<T>): T {
  return useSyncExternalStore(watchable.subscribe, watchable.get);
}

/** The server's time, again each second; NaN until it is known. */
export function useServerNow(): number {
  const { live } = useSession();
  useWatched(live.tick);
  return live.clock.now();
}

/** Whether values may be shown: the socket speaks. */
export function useLinked(): boolean {
  const { live } = useSession();
  const { state } = useWatched(live.link);
  return state === "live" || state === "delayed";
}
