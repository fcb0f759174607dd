import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { List } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";

import { modelsQuery } from "../../api/command-queries";
import { type Counters, countersQuery, type Device, devicesQuery, type DeviceSecret, retireDevice, revokeDevice, rotateSecret } from "../../api/device-queries";
import { Button } from "../../design/button";
import { Card, CardHead } from "../../design/card";
import { formatValue } from "../../design/format/numbers";
import { formatDayTime } from "../../design/format/times";
import { deviceTexts } from "../../design/texts-devices";
import { eventTexts } from "../../design/texts-events";
import { useSession } from "../../session/session";
import { ClaimCodeCard } from "./claim-code-card";
import { DeviceCommands } from "./device-commands";
import { DeviceFiles } from "./device-files";
import { DeviceConfiguration } from "./device-configuration";
import { DeviceGroups } from "./device-groups";
import { DeviceIcon } from "./device-icon";
import { BatteryText, seenText } from "./device-list";
import type { Known } from "./device-state";
import { DeviceUnits } from "./device-units";
import styles from "./devices-page.module.css";
import { StanceCard } from "./stance-card";
import { StateMark } from "./state-mark";

interface Properties {
  readonly known: Known;
  /** What speaks through it. */
  readonly units: readonly Device[];
  readonly nowMs: number;
  readonly id: string;
  readonly onSecret: (secret: DeviceSecret) => void;
  readonly onChoose: (device: string) => void;
}

export function DeviceDetail({ known, units, nowMs, id, onSecret, onChoose }: Properties) {
  const { device, bed } = known;
  const { hub } = device;
  const { facts } = deviceTexts;
  const { api, me } = useSession();
  const manages = me.permissions.includes("manage_devices");
  const model = useQuery(modelsQuery(api)).data?.get(device.model);
  const counters = useQuery(countersQuery(api, device.device)).data;
  const { counters: counted } = deviceTexts;
  const rows = [
    ...(hub === null
      ? []
      : [
          [
            facts.hub,
            <button key="hub" type="button" className={styles["hub"]} aria-label={deviceTexts.openHub(hub)} onClick={() => { onChoose(hub); }}>
              {hub}
            </button>,
          ] as const,
        ]),
    [facts.battery, device.battery_percent === null ? deviceTexts.mains : <BatteryText key="battery" percent={device.battery_percent} />],
    [facts.radio, device.rssi_dbm === null ? deviceTexts.mains : deviceTexts.signal(formatValue(device.rssi_dbm, 0))],
    [facts.seen, seenText(device, nowMs)],
    [facts.buffered, device.buffered === null ? deviceTexts.mains : deviceTexts.messages(formatValue(device.buffered, 0))],
    [facts.firmware, device.firmware ?? deviceTexts.mains],
    ...(counters === undefined
      ? []
      : [
          [counted.messages, formatValue(counters.messages, 0)] as const,
          [counted.refused, formatValue(counters.refused.reduce((sum, { count }) => sum + count, 0), 0)] as const,
          [counted.clock, milliseconds(counters.clock_offset_s)] as const,
          [counted.drift, milliseconds(counters.clock_correction_s)] as const,
        ]),
    ...(hub === null ? [[facts.credential, device.has_credential ? deviceTexts.hasSecret : deviceTexts.noSecret] as const] : []),
    ...choicesOf(device),
    ...(device.note === null ? [] : [[facts.note, device.note]]),
  ] as const;
  return (
    <div className={styles["detail"]} id={id}>
      <Card label={deviceTexts.of(device.device)}>
        <header className={styles["title"]}>
          <DeviceIcon model={model} size={22} isHub={units.length > 0} />
          <div>
            <h3>{device.device}</h3>
            <span>
              {model?.label ?? device.model}
              {bed !== null && device.patient !== null && (
                <>
                  {" · "}
                  <Link href={`/patient/${device.patient}`}>{deviceTexts.worn(bed)}</Link>
                </>
              )}
            </span>
          </div>
          <StateMark device={device} />
        </header>
        <dl className={styles["facts"]}>
          {rows.map(([name, value], index) => (
            <div key={index}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
        <RefusedCounts refused={counters?.refused ?? []} />
        <p className={styles["eventsOf"]}>
          <Link href={`/log?device=${device.device}&range=7d`} aria-label={deviceTexts.eventsOf(device.device)}>
            <List size={15} aria-hidden="true" />
            {deviceTexts.events}
          </Link>
        </p>
      </Card>
      {units.length > 0 && <DeviceUnits units={units} nowMs={nowMs} onChoose={onChoose} />}
      {model !== undefined && <DeviceCommands device={device.device} model={model} nowMs={nowMs} />}
      {model !== undefined && <DeviceConfiguration device={device.device} model={model} />}
      {model !== undefined && <StanceCard device={device.device} model={model} />}
      <DeviceFiles device={device.device} />
      {manages && !device.retired && hub === null && <ClaimCodeCard device={device.device} nowMs={nowMs} />}
      {manages && <DeviceGroups device={device.device} />}
      {!device.retired && <Access device={device} manages={manages} onSecret={onSecret} />}
    </div>
  );
}

/** Why messages were refused, the most frequent first. */
function RefusedCounts({ refused }: { readonly refused: Counters["refused"] }) {
  if (refused.length === 0) return null;
  return (
    <ul className={styles["refused"]} aria-label={deviceTexts.counters.refused}>
      {refused.map(({ reason, count, newest }) => (
        <li key={reason}>
          {eventTexts.reasons[reason] ?? reason.replaceAll("_", " ")}
          <b>{formatValue(count, 0)}</b>
          <small>{deviceTexts.counters.last(formatDayTime(Date.parse(newest)))}</small>
        </li>
      ))}
    </ul>
  );
}

/** What was chosen of how its samples are worked out; nothing where nothing is to be chosen. */
function choicesOf({ processing }: Device): readonly (readonly [string, string])[] {
  const { saturation_curve: curve, radar_chain: chain } = processing;
  const { processing: names } = deviceTexts;
  return [
    ...(curve === null ? [] : [[names.curve, names.curves[curve]] as const]),
    ...(chain === null ? [] : [[names.chain, names.chains[chain]] as const]),
  ];
}

function milliseconds(seconds: number | null): string {
  return seconds === null ? deviceTexts.mains : deviceTexts.counters.ms(formatValue(1000 * seconds, 1));
}

interface AccessProperties {
  readonly device: Device;
  readonly manages: boolean;
  readonly onSecret: (secret: DeviceSecret) => void;
}

const words = deviceTexts.secretCard;
type Ask = "rotate" | "revoke" | "retire";
const ASKS: Readonly<Record<Ask, { readonly name: string; readonly ask: (device: string) => string; readonly yes: string }>> = {
  rotate: { name: words.rotate, ask: words.rotateAsk, yes: words.yesRotate },
  revoke: { name: words.revoke, ask: words.revokeAsk, yes: words.yesRevoke },
  retire: { name: deviceTexts.retire.action, ask: deviceTexts.retire.ask, yes: deviceTexts.retire.yes },
};

/** Let a device in anew, or cut it off; both are asked again before they are done. */
function Access({ device: { device, hub, has_credential: hasSecret }, manages, onSecret }: AccessProperties) {
  const { api } = useSession();
  const offered: readonly Ask[] = hub !== null ? ["retire"] : hasSecret ? ["rotate", "revoke", "retire"] : ["rotate", "retire"];
  const queries = useQueryClient();
  const [asks, setAsks] = useState<Ask | null>(null);
  const lookAgain = (): void => {
    setAsks(null);
    void queries.invalidateQueries(devicesQuery(api));
  };
  const rotate = useMutation({
    mutationFn: () => rotateSecret(api, device),
    onSuccess: (made) => {
      lookAgain();
      onSecret(made);
    },
  });
  const revoke = useMutation({ mutationFn: () => revokeDevice(api, device), onSuccess: lookAgain });
  const retire = useMutation({ mutationFn: () => retireDevice(api, device), onSuccess: lookAgain });
  const waits = [rotate, revoke, retire].some(({ isPending }) => isPending);
  const act = { rotate, revoke, retire } as const;
  return (
    <Card label={words.title}>
      <CardHead
        title={words.title}
        aside={
          manages && asks === null ? (
            <>
              {offered.map((ask) => (
                <Button key={ask} size="small" onClick={() => { setAsks(ask); }}>
                  {ASKS[ask].name}
                </Button>
              ))}
            </>
          ) : undefined
        }
      />
      <div className={styles["access"]}>
        {!manages && <p>{words.readOnly}</p>}
        {asks !== null && (
          <div role="group" aria-label={ASKS[asks].name} className={styles["ask"]}>
            <p>{ASKS[asks].ask(device)}</p>
            <Button look="main" size="small" autoFocus disabled={waits} onClick={() => { act[asks].mutate(); }}>
              {waits ? words.waiting : ASKS[asks].yes}
            </Button>
            <Button size="small" disabled={waits} onClick={() => { setAsks(null); }}>
              {words.no}
            </Button>
          </div>
        )}
        {[rotate, revoke, retire].some(({ isError }) => isError) && <p role="alert">{words.failed}</p>}
        {revoke.isSuccess && !hasSecret && <p role="status">{words.revoked}</p>}
        {manages && asks === null && hub !== null && <p>{words.unit(hub)}</p>}
        {manages && asks === null && hub === null && <p>{hasSecret ? `${deviceTexts.facts.credential} ${deviceTexts.hasSecret}.` : `${deviceTexts.facts.credential}: ${deviceTexts.noSecret}.`}</p>}
      </div>
    </Card>
  );
}
