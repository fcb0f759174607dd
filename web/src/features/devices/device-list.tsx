import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { modelsQuery } from "../../api/command-queries";
import type { Device } from "../../api/device-queries";
import { Button } from "../../design/button";
import { Card } from "../../design/card";
import { FilterChip } from "../../design/filter-chip";
import { formatValue } from "../../design/format/numbers";
import { formatAge } from "../../design/format/times";
import { Battery, QualityBars } from "../../design/marks";
import { PanelNotice } from "../../design/notice";
import table from "../../design/table.module.css";
import { deviceTexts } from "../../design/texts-devices";
import { useSession } from "../../session/session";
import { DeviceIcon } from "./device-icon";
import { type DeviceFilter, fits, type Known, matches, radioBars, underHubs } from "./device-state";
import styles from "./devices-page.module.css";
import { StateMark } from "./state-mark";

const FILTERS: readonly DeviceFilter[] = ["all", "attention", "unassigned", "off"];
const { columns } = deviceTexts;
const ROWS = 100;
const NOW_S = 2;

interface Properties {
  readonly known: readonly Known[];
  readonly text: string;
  readonly nowMs: number;
  readonly chosen: string | null;
  readonly onChoose: (device: string) => void;
}

export function DeviceList({ known, text, nowMs, chosen, onChoose }: Properties) {
  const { api, me } = useSession();
  const models = useQuery(modelsQuery(api)).data;
  // who is not told who wears a device is not told that nobody does
  const filters = me.permissions.includes("read_clinical") ? FILTERS : FILTERS.filter((one) => one !== "unassigned");
  const [filter, setFilter] = useState<DeviceFilter>("all");
  const [rows, setRows] = useState(ROWS);
  const hubs = new Set(known.map(({ device }) => device.hub));
  const found = underHubs(known.filter((one) => fits(one, filter) && matches(one, text, models?.get(one.device.model)?.label)));
  return (
    <Card label={deviceTexts.list} className={styles["list"]}>
      <div className={styles["filters"]} role="group" aria-label={deviceTexts.filter}>
        {filters.map((each) => (
          <FilterChip key={each} on={filter === each} count={known.filter((one) => fits(one, each)).length} onClick={() => { setFilter(each); }}>
            {deviceTexts.filters[each]}
          </FilterChip>
        ))}
      </div>
      {found.length === 0 ? (
        <PanelNotice text={deviceTexts.noMatch} />
      ) : (
        <table className={`${table["table"] ?? ""} ${styles["devices"] ?? ""}`}>
          <thead>
            <tr>
              <th scope="col">{columns.device}</th>
              <th scope="col">{columns.bed}</th>
              <th scope="col">{columns.state}</th>
              <th scope="col">{columns.battery}</th>
              <th scope="col">{columns.link}</th>
              <th scope="col" data-end>{columns.seen}</th>
              <th scope="col" data-end>{columns.buffered}</th>
              <th scope="col">{columns.firmware}</th>
            </tr>
          </thead>
          <tbody>
            {found.slice(0, rows).map(({ device, bed }) => (
              <tr key={device.device} data-testid={`device-${device.device}`} data-chosen={device.device === chosen} data-unit={device.hub !== null || undefined}>
                <td className={styles["name"]}>
                  <DeviceIcon model={models?.get(device.model)} size={18} isHub={hubs.has(device.device)} />
                  <button type="button" aria-pressed={device.device === chosen} onClick={() => { onChoose(device.device); }}>
                    <b>{device.device}</b>
                    <small>
                      {models?.get(device.model)?.label ?? device.model}
                      {device.simulated && `, ${deviceTexts.simulated}`}
                      {device.hub !== null && `, ${deviceTexts.through(device.hub)}`}
                    </small>
                  </button>
                </td>
                <td className={styles["bed"]}>
                  <b>{bed ?? "–"}</b>
                </td>
                <td className={styles["state"]}>
                  <StateMark device={device} />
                </td>
                <td className={styles["battery"]}>{device.battery_percent === null ? "–" : <BatteryText percent={device.battery_percent} />}</td>
                <td>{device.rssi_dbm === null ? "–" : <QualityBars bars={radioBars(device.rssi_dbm)} />}</td>
                <td className={styles["seen"]} data-end data-late={!device.online}>{seenText(device, nowMs)}</td>
                <td data-end>{device.buffered === null ? "–" : formatValue(device.buffered, 0)}</td>
                <td className={table["mute"]}>{device.firmware ?? "–"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {found.length > rows && (
        <footer className={styles["more"]}>
          <Button size="small" onClick={() => { setRows(rows + ROWS); }}>
            {deviceTexts.more(Math.min(ROWS, found.length - rows))}
          </Button>
        </footer>
      )}
    </Card>
  );
}

export function BatteryText({ percent }: { readonly percent: number }) {
  return (
    <span className={styles["charge"]}>
      <Battery percent={Math.round(percent)} />
      {formatValue(percent, 0)}&nbsp;%
    </span>
  );
}

export function seenText({ online, last_seen: seen }: Device, nowMs: number): string {
  if (seen === null) return deviceTexts.never;
  const ageS = (nowMs - Date.parse(seen)) / 1000;
  if (Number.isNaN(ageS)) return "–";
  return online && ageS < NOW_S ? deviceTexts.now : deviceTexts.ago(formatAge(Math.max(0, ageS)));
}
