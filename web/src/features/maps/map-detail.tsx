import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { mapsQuery, type PlaceMap, planQuery, removeMap, takeIntoUse } from "../../api/map-queries";
import { Button } from "../../design/button";
import { Card, CardHead } from "../../design/card";
import { FloorPlan } from "../../design/floor-plan";
import { formatDayTime } from "../../design/format/times";
import { formatValue } from "../../design/format/numbers";
import { Loading } from "../../design/loading";
import { mapTexts as words } from "../../design/texts-maps";
import { useSession } from "../../session/session";
import { MapState } from "./map-state";
import styles from "./maps-page.module.css";

interface Properties {
  readonly map: PlaceMap;
  /** The map of the same floor that is in use. */
  readonly inUse: PlaceMap | null;
  readonly id: string;
}

/** One map: its plan, what it rests on, and what can be done with it. */
export function MapDetail({ map, inUse, id }: Properties) {
  const { me } = useSession();
  const { facts } = words;
  const long: readonly (readonly [string, string])[] = [
    [facts.brought, words.by(formatDayTime(Date.parse(map.made_at)), map.made_by)],
    ...(map.used_from === null ? [] : [[facts.from, formatDayTime(Date.parse(map.used_from))] as const]),
    ...(map.used_to === null ? [] : [[facts.to, formatDayTime(Date.parse(map.used_to))] as const]),
    [facts.accessPoints, map.access_points.join(", ")],
  ];
  const short = [
    [facts.places, formatValue(map.points, 0)],
    [facts.rooms, formatValue(map.rooms, 0)],
  ] as const;
  return (
    <div className={styles["detail"]} id={id}>
      <Card label={words.name(map.site, map.floor, map.version)}>
        <CardHead title={words.floor(map.site, map.floor)} aside={<MapState state={map.state} />}>
          <span className={styles["version"]}>{words.version(map.version)}</span>
        </CardHead>
        <Plan map={map} />
        <dl className={styles["facts"]}>
          {[...short, ...long].map(([name, value], index) => (
            <div key={name} data-wide={index >= short.length || undefined}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
        {me.permissions.includes("manage_maps") ? <Actions map={map} inUse={inUse} /> : <p className={styles["quiet"]}>{words.readOnly}</p>}
      </Card>
    </div>
  );
}

function Plan({ map }: { readonly map: PlaceMap }) {
  const { api } = useSession();
  const { data, isError } = useQuery(planQuery(api, map.id));
  if (data === undefined) return isError ? <p className={styles["quiet"]}>{words.planFailed}</p> : <Loading className={styles["plan"]} />;
  const bare = data.plan.filter(({ outline }) => outline === null);
  const isDrawn = bare.length < data.plan.length;
  return (
    <>
      {isDrawn ? <FloorPlan rooms={data.plan} label={words.plan(data.plan.length - bare.length)} /> : <p className={styles["quiet"]}>{words.noPlan}</p>}
      {bare.length > 0 && (
        <p className={styles["quiet"]}>
          {isDrawn && `${words.noOutline} `}
          {bare.map(({ name }) => name).join(", ")}
        </p>
      )}
    </>
  );
}

type Ask = "use" | "remove";

/** Each is asked again before it is done. */
function Actions({ map, inUse }: Pick<Properties, "map" | "inUse">) {
  const { api } = useSession();
  const queries = useQueryClient();
  const [asks, setAsks] = useState<Ask | null>(null);
  const onSuccess = (): void => {
    setAsks(null);
    void queries.invalidateQueries(mapsQuery(api));
  };
  const use = useMutation({ mutationFn: () => takeIntoUse(api, map.id), onSuccess });
  const remove = useMutation({ mutationFn: () => removeMap(api, map.id), onSuccess });
  const act = { use, remove } as const;
  const waits = use.isPending || remove.isPending;
  const isUsed = map.state === "in_use" || map.state === "starting";
  const what = words.version(map.version).toLowerCase();
  const questions = {
    use: words.useAsk(what, inUse === null ? null : words.version(inUse.version).toLowerCase()),
    remove: words.removeAsk(what, isUsed),
  } as const;
  return (
    <div className={styles["actions"]}>
      {asks === null ? (
        <>
          <Button size="small" onClick={() => { setAsks("remove"); }}>
            {words.remove}
          </Button>
          {!isUsed && (
            <Button size="small" look="main" onClick={() => { setAsks("use"); }}>
              {words.use}
            </Button>
          )}
        </>
      ) : (
        <div role="group" aria-label={asks === "use" ? words.use : words.remove} className={styles["ask"]}>
          <p>{questions[asks]}</p>
          <Button look="main" size="small" autoFocus disabled={waits} onClick={() => { act[asks].mutate(); }}>
            {waits ? words.waiting : asks === "use" ? words.yesUse : words.yesRemove}
          </Button>
          <Button size="small" disabled={waits} onClick={() => { setAsks(null); }}>
            {words.no}
          </Button>
        </div>
      )}
      {(use.isError || remove.isError) && <p role="alert" className={styles["problem"]}>{words.notDone}</p>}
    </div>
  );
}
