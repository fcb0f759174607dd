import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import type { Model } from "../../api/command-queries";
import { asProblem } from "../../api/problem";
import { type Stance, stanceQuery, tellStance } from "../../api/stance-queries";
import { Button } from "../../design/button";
import { Card, CardHead } from "../../design/card";
import { formatValue } from "../../design/format/numbers";
import { formatDayTime } from "../../design/format/times";
import { deviceTexts } from "../../design/texts-devices";
import { useSession } from "../../session/session";
import styles from "./devices-page.module.css";

const words = deviceTexts.stance;
const NEEDED = ["chest", "thigh"] as const;

/** Where postures are told: the wearer stands, and from then on they are told as the sensors sit. */
export function StanceCard({ device, model }: { readonly device: string; readonly model: Model }) {
  const places = new Set(model.streams.filter(({ stream }) => stream === "accelerometer").map(({ place }) => place));
  return NEEDED.every((place) => places.has(place)) ? <ToldStance device={device} /> : null;
}

function ToldStance({ device }: { readonly device: string }) {
  const { api, me } = useSession();
  const queries = useQueryClient();
  const asked = stanceQuery(api, device);
  const stance = useQuery(asked).data;
  const tell = useMutation({
    mutationFn: () => tellStance(api, device),
    onSuccess: (told) => { queries.setQueryData(asked.queryKey, told); },
  });
  return (
    <Card label={words.title}>
      <CardHead
        title={words.title}
        aside={
          me.permissions.includes("command_devices") ? (
            <Button size="small" disabled={tell.isPending} onClick={() => { tell.mutate(); }}>
              {tell.isPending ? words.telling : words.tell}
            </Button>
          ) : undefined
        }
      />
      <div className={styles["claim"]}>
        <p role="status">{stance === undefined ? words.waiting : newsOf(stance)}</p>
        {typeof stance?.chest_deg === "number" && typeof stance.thigh_deg === "number" && stance.state !== "ended" && (
          <p>{words.tilts(formatValue(stance.chest_deg, 0), formatValue(stance.thigh_deg, 0))}</p>
        )}
        {tell.isError && (
          <p role="alert" className={styles["problem"]}>
            {words.failed} {asProblem(tell.error).detail}
          </p>
        )}
        <p>{words.about}</p>
      </div>
    </Card>
  );
}

function newsOf({ state, reason, told_at: toldAt }: Stance): string {
  const news = state === "refused" && reason !== null ? words.reasons[reason] : words.states[state];
  return toldAt === null ? news : `${news} ${words.told(formatDayTime(Date.parse(toldAt)))}`;
}
