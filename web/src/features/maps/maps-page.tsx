import { useQuery } from "@tanstack/react-query";
import { ChevronLeft, MapPin, Upload } from "lucide-react";
import { useState } from "react";
import { Link, useSearchParams } from "wouter";

import { mapsQuery, type PlaceMap } from "../../api/map-queries";
import { Button } from "../../design/button";
import { Card } from "../../design/card";
import { formatDayTime } from "../../design/format/times";
import { formatValue } from "../../design/format/numbers";
import { Loading } from "../../design/loading";
import { PanelNotice } from "../../design/notice";
import { PageFrame } from "../../design/page-frame";
import table from "../../design/table.module.css";
import { texts } from "../../design/texts";
import { mapTexts as words } from "../../design/texts-maps";
import { useSession } from "../../session/session";
import { BringMap } from "./bring-map";
import { MapDetail } from "./map-detail";
import { MapState } from "./map-state";
import styles from "./maps-page.module.css";

const DETAIL = "map-detail";

/** The measured maps by which places are told: looked at, brought and taken into use. */
export function MapsPage() {
  const { api } = useSession();
  const maps = useQuery(mapsQuery(api));
  if (maps.data === undefined) {
    if (!maps.isError) return <Loading className={styles["loading"]} />;
    return <PanelNotice failed text={words.failed} action={<Button onClick={() => void maps.refetch()}>{texts.ward.tryAgain}</Button>} />;
  }
  return <Maps maps={maps.data} />;
}

function Maps({ maps }: { readonly maps: readonly PlaceMap[] }) {
  const { me } = useSession();
  const [search, setSearch] = useSearchParams();
  const [brings, setBrings] = useState(false);
  const asked = search.get("map");
  const shown = asked === null ? (maps.find(({ state }) => state === "in_use") ?? maps[0]) : maps.find(({ id }) => String(id) === asked);
  const choose = (id: number): void => {
    setSearch({ map: String(id) }, { replace: true });
    requestAnimationFrame(() => document.getElementById(DETAIL)?.scrollIntoView({ block: "nearest" }));
  };
  const used = maps.filter(({ state }) => state === "in_use" || state === "starting");
  return (
    <PageFrame
      title={words.title}
      note={words.counts(maps.length, used.length)}
      actions={
        <>
          <Link className={styles["back"]} href="/devices">
            <ChevronLeft size={16} aria-hidden="true" />
            {words.back}
          </Link>
          {me.permissions.includes("manage_maps") && (
            <Button look="main" onClick={() => { setBrings(true); }}>
              <Upload size={16} aria-hidden="true" />
              {words.bring.open}
            </Button>
          )}
        </>
      }
    >
      {maps.length === 0 ? (
        <PanelNotice text={words.none} />
      ) : (
        <div className={styles["grid"]}>
          <MapList maps={maps} chosen={shown?.id ?? null} onChoose={choose} />
          {shown === undefined ? (
            <div className={styles["detail"]} id={DETAIL}>
              <PanelNotice text={words.notListed} />
            </div>
          ) : (
            <MapDetail key={shown.id} map={shown} inUse={used.find(({ id, site, floor }) => id !== shown.id && site === shown.site && floor === shown.floor) ?? null} id={DETAIL} />
          )}
        </div>
      )}
      {brings && (
        <BringMap
          onClose={() => { setBrings(false); }}
          onBrought={({ id }) => {
            setBrings(false);
            choose(id);
          }}
        />
      )}
    </PageFrame>
  );
}

interface ListProperties {
  readonly maps: readonly PlaceMap[];
  readonly chosen: number | null;
  readonly onChoose: (id: number) => void;
}

function MapList({ maps, chosen, onChoose }: ListProperties) {
  const { columns } = words;
  return (
    <Card label={words.list} className={styles["list"]}>
      <table className={`${table["table"] ?? ""} ${styles["maps"] ?? ""}`}>
        <thead>
          <tr>
            <th scope="col">{columns.floor}</th>
            <th scope="col">{columns.state}</th>
            <th scope="col" data-end>{columns.places}</th>
            <th scope="col" data-end>{columns.rooms}</th>
            <th scope="col">{columns.brought}</th>
          </tr>
        </thead>
        <tbody>
          {maps.map((map) => (
            <tr key={map.id} data-testid={`map-${map.site}-${map.floor}-${String(map.version)}`} data-chosen={map.id === chosen}>
              <td className={styles["name"]}>
                <MapPin size={18} aria-hidden="true" />
                <button type="button" aria-current={map.id === chosen || undefined} onClick={() => { onChoose(map.id); }}>
                  <b>{words.floor(map.site, map.floor)}</b>
                  <small>{words.version(map.version)}</small>
                </button>
              </td>
              <td className={styles["state"]}>
                <MapState state={map.state} />
              </td>
              <td data-end className={styles["number"]}>{formatValue(map.points, 0)}</td>
              <td data-end className={styles["number"]}>{formatValue(map.rooms, 0)}</td>
              <td className={styles["brought"]}>{words.by(formatDayTime(Date.parse(map.made_at)), map.made_by)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
}
