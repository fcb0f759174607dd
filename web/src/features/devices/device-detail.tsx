import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Cpu } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";

import { modelsQuery } from "../../api/command-queries";
import { devicesQuery, type DeviceSecret, revokeDevice, rotateSecret } from "../../api/device-queries";
import { Button } from "../../design/button";
import { Card, CardHead } from "../../design/card";
import { formatValue } from "../../design/format/numbers";
import { deviceTexts } from "../../design/texts-devices";
import { useSession } from "../../session/session";
import { DeviceCommands } from "./device-commands";
import { DeviceConfiguration } from "./device-configuration";
import { BatteryText, seenText } from "./device-list";
import type { Known } from "./device-state";
import styles from "./devices-page.module.css";
import { StateMark } from "./state-mark";

interface Properties {
  readonly known: Known;
  readonly nowMs: number;
  readonly manages: boolean;
  readonly id: string;
  readonly onSecret: (secret: DeviceSecret) => void;
}

export function DeviceDetail({ known, nowMs, manages, id, onSecret }: Properties) {
  const { device, bed } = known;
  const { facts } = deviceTexts;
  const { api } = useSession();
  const model = useQuery(modelsQuery(api)).data?.get(device.model);
  const rows = [
    [facts.battery, device.battery_percent === null ? deviceTexts.mains : <BatteryText key="battery" percent={device.battery_percent} />],
    [facts.radio, device.rssi_dbm === null ? deviceTexts.mains : deviceTexts.signal(formatValue(device.rssi_dbm, 0))],
    [facts.seen, seenText(device, nowMs)],
    [facts.buffered, device.buffered === null ? deviceTexts.mains : deviceTexts.messages(formatValue(device.buffered, 0))],
    [facts.firmware, device.firmware ?? deviceTexts.mains],
    [facts.credential, device.has_credential ? deviceTexts.hasSecret : deviceTexts.noSecret],
    ...(device.note === null ? [] : [[facts.note, device.note]]),
  ] as const;
  return (
    <div className={styles["detail"]} id={id}>
      <Card label={deviceTexts.of(device.device)}>
        <header className={styles["title"]}>
          <Cpu size={22} strokeWidth={1.8} aria-hidden="true" />
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
      </Card>
      {model !== undefined && <DeviceCommands device={device.device} model={model} nowMs={nowMs} />}
      {model !== undefined && <DeviceConfiguration device={device.device} model={model} />}
      <Access device={device.device} hasSecret={device.has_credential} manages={manages} onSecret={onSecret} />
    </div>
  );
}

interface AccessProperties {
  readonly device: string;
  readonly hasSecret: boolean;
  readonly manages: boolean;
  readonly onSecret: (secret: DeviceSecret) => void;
}

const words = deviceTexts.secretCard;

/** Let a device in anew, or cut it off; both are asked again before they are done. */
function Access({ device, hasSecret, manages, onSecret }: AccessProperties) {
  const { api } = useSession();
  const queries = useQueryClient();
  const [asks, setAsks] = useState<"rotate" | "revoke" | null>(null);
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
  const waits = rotate.isPending || revoke.isPending;
  const act = (): void => {
    if (asks === "rotate") rotate.mutate();
    else revoke.mutate();
  };
  return (
    <Card label={words.title}>
      <CardHead
        title={words.title}
        aside={
          manages && asks === null ? (
            <>
              <Button size="small" onClick={() => { setAsks("rotate"); }}>
                {words.rotate}
              </Button>
              {hasSecret && (
                <Button size="small" onClick={() => { setAsks("revoke"); }}>
                  {words.revoke}
                </Button>
              )}
            </>
          ) : undefined
        }
      />
      <div className={styles["access"]}>
        {!manages && <p>{words.readOnly}</p>}
        {asks !== null && (
          <div role="group" aria-label={asks === "rotate" ? words.rotate : words.revoke} className={styles["ask"]}>
            <p>{asks === "rotate" ? words.rotateAsk(device) : words.revokeAsk(device)}</p>
            <Button look="main" size="small" autoFocus disabled={waits} onClick={act}>
              {waits ? words.waiting : asks === "rotate" ? words.yesRotate : words.yesRevoke}
            </Button>
            <Button size="small" disabled={waits} onClick={() => { setAsks(null); }}>
              {words.no}
            </Button>
          </div>
        )}
        {(rotate.isError || revoke.isError) && <p role="alert">{words.failed}</p>}
        {revoke.isSuccess && !hasSecret && <p role="status">{words.revoked}</p>}
        {manages && asks === null && <p>{hasSecret ? `${deviceTexts.facts.credential} ${deviceTexts.hasSecret}.` : `${deviceTexts.facts.credential}: ${deviceTexts.noSecret}.`}</p>}
      </div>
    </Card>
  );
}
