import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import type { Model } from "../../api/command-queries";
import { asProblem } from "../../api/problem";
import { type Stance, stanceQuery, takeBackStance, tellStance } from "../../api/stance-queries";
import { Button } from "../../design/button";
import { Card, CardHead } from "../../design/card";
import { formatValue } from "../../design/format/numbers";
import { formatDayTime } from "../../design/format/times";
import { deviceTexts } from "../../design/texts-devices";
import { useSession } from "../../session/session";
import styles from "./devices-page.module.css";

const words = deviceTexts.stance;
const NEEDED = ["chest", "thigh"] as const;
const HOLDING: ReadonlySet<Stance["state"]> = new Set(["starting", "in_use", "ending"]);
/** Where a refused one was told, the one before may hold. */
const TAKEN_BACK_FROM: ReadonlySet<Stance["state"]> = new Set(["reading", "refused", "starting", "in_use"]);

/** Where postures are told: the wearer stands, and from then on they are told as the sensors sit. */
export function StanceCard({ device, model }: { readonly device: string; readonly model: Model }) {
  const places = new Set(model.streams.filter(({ stream }) => stream === "accelerometer").map(({ place }) => place));
  return NEEDED.every((place) => places.has(place)) ? <ToldStance key={device} device={device} /> : null;
}

function ToldStance({ device }: { readonly device: string }) {
  const { api, me } = useSession();
  const queries = useQueryClient();
  const [asks, setAsks] = useState(false);
  const asked = stanceQuery(api, device);
  const stance = useQuery(asked).data;
  const show = (told: Stance): void => {
    setAsks(false);
    queries.setQueryData(asked.queryKey, told);
  };
  const tell = useMutation({ mutationFn: () => tellStance(api, device), onSuccess: show });
  const takeBack = useMutation({ mutationFn: () => takeBackStance(api, device), onSuccess: show });
  const waits = tell.isPending || takeBack.isPending;
  return (
    <Card label={words.title}>
      <CardHead
        title={words.title}
        aside={
          me.permissions.includes("command_devices") && !asks ? (
            <>
              {stance !== undefined && TAKEN_BACK_FROM.has(stance.state) && (
                <Button size="small" disabled={waits} onClick={() => { setAsks(true); }}>
                  {words.takeBack}
                </Button>
              )}
              <Button size="small" disabled={waits} onClick={() => { takeBack.reset(); tell.mutate(); }}>
                {tell.isPending ? words.waiting : words.tell}
              </Button>
            </>
          ) : undefined
        }
      />
      <div className={styles["claim"]}>
        {asks && (
          <div role="group" aria-label={words.takeBack} className={styles["ask"]}>
            <p>{words.takeBackAsk}</p>
            <Button look="main" size="small" autoFocus disabled={waits} onClick={() => { tell.reset(); takeBack.mutate(); }}>
              {waits ? words.waiting : words.yesTakeBack}
            </Button>
            <Button size="small" disabled={waits} onClick={() => { setAsks(false); }}>
              {words.no}
            </Button>
          </div>
        )}
        <p role="status">{stance === undefined ? words.waiting : newsOf(stance)}</p>
        {typeof stance?.chest_deg === "number" && typeof stance.thigh_deg === "number" && HOLDING.has(stance.state) && (
          <p>{words.tilts(formatValue(stance.chest_deg, 0), formatValue(stance.thigh_deg, 0))}</p>
        )}
        {tell.isError && <p role="alert" className={styles["problem"]}>{words.failed} {asProblem(tell.error).detail}</p>}
        {takeBack.isError && <p role="alert" className={styles["problem"]}>{words.notTakenBack} {asProblem(takeBack.error).detail}</p>}
        <p>{words.about}</p>
      </div>
    </Card>
  );
}

function newsOf({ state, reason, told_at: toldAt }: Stance): string {
  const news = state === "refused" && reason !== null ? words.reasons[reason] : words.states[state];
  return toldAt === null ? news : `${news} ${words.told(formatDayTime(Date.parse(toldAt)))}`;
}
