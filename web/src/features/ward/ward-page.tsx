import { useQuery } from "@tanstack/react-query";
import { useEffect, useEffectEvent, useMemo, useRef, useState } from "react";
import { useSearchParams } from "wouter";

import { patientsQuery, wardQuery } from "../../api/queries";
import { Boundary } from "../../design/boundary";
import { Button } from "../../design/button";
import hidden from "../../design/hidden.module.css";
import { Loading } from "../../design/loading";
import { PanelNotice } from "../../design/notice";
import { texts } from "../../design/texts";
import { useWindowSize } from "../../design/use-window-size";
import { useLinked, useServerNow, useSession, useWatched } from "../../session/session";
import { callingFirst, columnsOf, densityOf, filterBeds, fittingSize, type Filter, type Order, type Size, SIZES, sortBeds, viewBeds } from "./beds";
import { FreeTile, PatientTile } from "./patient-tile";
import { tileStreams } from "./tile-lanes";
import { useSettledOrder } from "./use-settled-order";
import { useSlide } from "./use-slide";
import { useTileSize } from "./use-tile-size";
import { useWardKeys } from "./use-ward-keys";
import { WardBar } from "./ward-bar";
import styles from "./ward-page.module.css";

const PHONE_PX = 700;
const SHORT_TILE_PX = 215;
const BARS_PX = 110;
const ORDER = "vitalwire.order"; // remembered per screen
const LOADING_TILES = [1, 2, 3, 4, 5, 6, 7, 8] as const;
const SLOW_RATE_HZ = 125;

export function WardPage() {
  const { api, ward } = useSession();
  const wardData = useQuery({ ...wardQuery(api, ward ?? ""), enabled: ward !== null });
  if (ward === null) return <PanelNotice text={texts.ward.noWard} />;
  if (wardData.isError && wardData.data === undefined) {
    const again = <Button onClick={() => void wardData.refetch()}>{texts.ward.tryAgain}</Button>;
    return <PanelNotice failed text={texts.ward.failed} action={again} />;
  }
  if (wardData.data === undefined) return <WardLoading />;
  if (wardData.data.beds.length === 0) return <PanelNotice text={texts.ward.noBeds} />;
  return <Ward key={ward} ward={ward} beds={wardData.data.beds} />;
}

/** Still blocks where the tiles will be. */
function WardLoading() {
  return (
    <div className={styles["loading"]} aria-busy="true">
      {LOADING_TILES.map((tile) => (
        <Loading key={tile} />
      ))}
    </div>
  );
}

type Beds = Parameters<typeof viewBeds>[0];

function Ward({ ward, beds }: { readonly ward: string; readonly beds: Beds }) {
  const { api, live, measures } = useSession();
  const { data: patients } = useQuery(patientsQuery(api));
  const view = useWardView(beds.length);
  const now = useServerNow();
  const linked = useLinked();
  useWatched(live.alarmVersion);
  const grid = useRef<HTMLElement>(null);
  const [read, setRead] = useState("");

  const views = viewBeds(beds, live.alarms.all());
  const wanted = callingFirst(filterBeds(sortBeds(views, view.order, now), view.filter, now), view.size, now);
  const { beds: settled, held } = useSettledOrder(wanted, { grid, linked, asked: `${view.order} ${view.filter}`, size: view.size, nowMs: now });
  const pages = Math.max(1, Math.ceil(settled.length / view.size));
  const page = Math.min(view.page, pages);
  const shown = settled.slice((page - 1) * view.size, page * view.size);
  const rows = Math.ceil(shown.length / view.columns);
  const short = view.density === "m" && (view.height - BARS_PX) / Math.max(rows, 1) < SHORT_TILE_PX;

  useWaveforms(ward, beds, view.density);
  useTileSize(grid, `${view.density} ${shown[0]?.bed.key ?? ""}`);
  useSlide(grid, shown.map(({ bed }) => bed.key).join(" "));
  useWardKeys({ grid, columns: view.columns, filter: view.filter, onFilter: view.setFilter, onRead: setRead });

  const moment = { live, measures, nowMs: now, linked };
  return (
    <>
      <WardBar beds={beds.length} view={view} pages={pages} page={page} held={held} />
      {shown.length === 0 ? (
        <PanelNotice text={texts.ward.none} />
      ) : (
        <section
          ref={grid}
          className={styles["grid"]}
          data-density={view.density}
          style={{ "--columns": view.columns, "--rows": rows }}
          aria-label={view.order === "bed" ? texts.ward.gridByBed : texts.ward.grid}
        >
          {shown.map((shownView) => {
            const { bed } = shownView;
            return bed.patient === null ? (
              <FreeTile key={bed.key} bed={bed} density={view.density} />
            ) : (
              <Boundary key={bed.key} text={texts.ward.tileFailed}>
                <PatientTile
                  view={shownView}
                  patient={bed.patient}
                  details={patients?.get(bed.patient.key)}
                  density={view.density}
                  short={short}
                  moment={moment}
                />
              </Boundary>
            );
          })}
        </section>
      )}
      <div className={hidden["hidden"]} role="status">
        {read}
      </div>
    </>
  );
}

/** How the ward is looked at: kept in the address, the order on this screen. */
export interface WardView {
  readonly size: Size;
  readonly density: ReturnType<typeof densityOf>;
  readonly columns: number;
  readonly height: number;
  readonly page: number;
  readonly filter: Filter;
  readonly order: Order;
  readonly setSize: (size: Size) => void;
  readonly setPage: (page: number) => void;
  readonly setFilter: (filter: Filter) => void;
  readonly setOrder: (order: Order) => void;
}

const FILTERS: readonly Filter[] = ["all", "high", "medium", "low", "technical", "quiet"];

function useWardView(beds: number): WardView {
  const [search, setSearch] = useSearchParams();
  const { width, height } = useWindowSize();
  const [order, setOrder] = useState<Order>(() => (localStorage.getItem(ORDER) === "bed" ? "bed" : "priority"));
  const asked = Number(search.get("n"));
  const size = SIZES.find((known) => known === asked) ?? fittingSize(beds);
  const change = (name: string, value: string | null): void => {
    setSearch(
      (before) => {
        const after = new URLSearchParams(before);
        if (value === null) after.delete(name);
        else after.set(name, value);
        if (name !== "page") after.delete("page");
        return after;
      },
      { replace: true },
    );
  };
  return {
    size: width <= PHONE_PX ? 60 : size,
    density: densityOf(size, width <= PHONE_PX),
    columns: columnsOf(size, width, beds),
    height,
    page: Math.max(1, Number(search.get("page")) || 1),
    filter: FILTERS.find((known) => known === search.get("show")) ?? "all",
    order,
    setSize: (next) => {
      change("n", String(next));
    },
    setPage: (next) => {
      change("page", String(next));
    },
    setFilter: (next) => {
      change("show", next === "all" ? null : next);
    },
    setOrder: (next) => {
      localStorage.setItem(ORDER, next);
      setOrder(next);
    },
  };
}

/** Ask for the waveforms that the tiles draw, and for no more. */
function useWaveforms(ward: string, beds: Beds, density: WardView["density"]): void {
  const { live } = useSession();
  const streams = useMemo(() => {
    const wanted = new Set<string>();
    for (const { patient } of beds) {
      const available = new Set(patient?.devices.flatMap((device) => device.streams) ?? []);
      for (const stream of tileStreams(density, available)) wanted.add(stream);
    }
    return [...wanted].sort().join(" ");
  }, [beds, density]);
  const subscribe = useEffectEvent(() =>
    live.subscribe({ ward, what: ["waveforms"], streams: streams.split(" "), ...(density === "s" ? { rate: SLOW_RATE_HZ } : {}) }),
  );
  useEffect(() => (streams === "" ? undefined : subscribe()), [live, ward, streams, density]);
}
