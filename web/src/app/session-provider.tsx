import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useState } from "react";

import type { Authentication } from "../api/authentication";
import { createApi } from "../api/client";
import { measuresQuery, meQuery } from "../api/queries";
import { Button } from "../design/button";
import { PanelNotice } from "../design/notice";
import { texts } from "../design/texts";
import { AlarmSound } from "../live/alarm-sound";
import { LiveConnection } from "../live/live-connection";
import { Observable } from "../live/observable";
import { SessionContext, useWatched } from "../session/session";

interface Properties {
  readonly authentication: Authentication;
  readonly children: ReactNode;
}

const WARD = "vitalwire.ward"; // remembered per screen

/** Everything that lives as long as somebody is signed in. */
export function SessionProvider({ authentication, children }: Properties) {
  const [api] = useState(() => createApi(authentication));
  const [sound] = useState(() => new AlarmSound());
  const [chosen, setChosen] = useState(() => localStorage.getItem(WARD));
  const live = useLive(authentication);
  const me = useQuery(meQuery(api));
  const measures = useQuery(measuresQuery(api));

  useEffect(
    () => () => {
      sound.close();
    },
    [sound],
  );

  if (me.isError || measures.isError) {
    const again = (
      <Button
        onClick={() => {
          void me.refetch();
          void measures.refetch();
        }}
      >
        {texts.ward.tryAgain}
      </Button>
    );
    return <PanelNotice failed text={texts.ward.failed} action={again} />;
  }
  if (live === null || me.data === undefined || measures.data === undefined) return null;
  const { wards } = me.data;
  const ward = wards.find(({ key }) => key === chosen) ?? wards[0];
  const chooseWard = (key: string): void => {
    localStorage.setItem(WARD, key);
    setChosen(key);
  };
  const signOut = (): void => {
    void authentication.signOut();
  };
  return (
    <SessionContext
      value={{ me: me.data, api, live, sound, measures: measures.data, ward: ward?.key ?? null, chooseWard, signOut }}
    >
      {children}
    </SessionContext>
  );
}

/** The live socket of this session; it takes each new token. */
function useLive(authentication: Authentication): LiveConnection | null {
  const [current] = useState(() => new Observable<LiveConnection | null>(null));
  useEffect(() => {
    const worker = new Worker(new URL("../live/worker.ts", import.meta.url), { type: "module" });
    const url = `${window.location.origin.replace(/^http/, "ws")}/v1/live`;
    const opened = new LiveConnection(worker, url, authentication.token ?? "", () => performance.now());
    opened.onUnauthenticated = () => {
      void authentication.refresh();
    };
    const leave = authentication.subscribe(() => {
      if (authentication.token !== null) opened.renew(authentication.token);
    });
    current.set(opened);
    return () => {
      leave();
      opened.close();
    };
  }, [authentication, current]);
  return useWatched(current);
}
