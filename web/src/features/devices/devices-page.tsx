import { useQuery } from "@tanstack/react-query";
import { Link2, MapPin, Plus } from "lucide-react";
import { useState } from "react";
import { Link, useSearchParams } from "wouter";

import { type Device, devicesQuery, type DeviceSecret } from "../../api/device-queries";
import { patientsQuery } from "../../api/queries";
import { Button } from "../../design/button";
import { Loading } from "../../design/loading";
import { PanelNotice } from "../../design/notice";
import { PageFrame } from "../../design/page-frame";
import { SearchField } from "../../design/search-field";
import { texts } from "../../design/texts";
import { deviceTexts } from "../../design/texts-devices";
import { mapTexts } from "../../design/texts-maps";
import { useServerNow, useSession } from "../../session/session";
import { ClaimDevice } from "./claim-device";
import { DeviceDetail } from "./device-detail";
import { DeviceList } from "./device-list";
import { type Known, needsAttention } from "./device-state";
import styles from "./devices-page.module.css";
import { RegisterDevice } from "./register-device";
import { SecretDialog } from "./secret-dialog";

const DETAIL = "device-detail";

/** Every device that the user may see: how it is, and who may let it in or cut it off. */
export function DevicesPage() {
  const { api, me } = useSession();
  const devices = useQuery(devicesQuery(api));
  const patients = useQuery({ ...patientsQuery(api), enabled: me.permissions.includes("read_clinical") });
  if (devices.data === undefined) {
    if (!devices.isError) return <Loading className={styles["loading"]} />;
    return <PanelNotice failed text={deviceTexts.failed} action={<Button onClick={() => void devices.refetch()}>{texts.ward.tryAgain}</Button>} />;
  }
  const bedOf = (device: Device): string | null => patients.data?.get(device.patient ?? "")?.bed?.key ?? null;
  return <Devices known={devices.data.map((device) => ({ device, bed: bedOf(device) }))} />;
}

function Devices({ known }: { readonly known: readonly Known[] }) {
  const { me } = useSession();
  const nowMs = useServerNow();
  const [search, setSearch] = useSearchParams();
  const [text, setText] = useState("");
  const [claims, setClaims] = useState(false);
  const [registers, setRegisters] = useState(false);
  const [secret, setSecret] = useState<DeviceSecret | null>(null);
  const manages = me.permissions.includes("manage_devices");
  const asked = search.get("device");
  // Never another device in the place of the one that was asked for: what is done there would be done to it.
  const shown = asked === null ? known[0] : known.find(({ device }) => device.device === asked);
  const unitsOf = (hub: string): readonly Device[] => known.flatMap(({ device }) => (device.hub === hub ? [device] : []));
  const choose = (device: string): void => {
    setSearch({ device }, { replace: true });
    // beside the list on a screen, below it on a phone
    requestAnimationFrame(() => document.getElementById(DETAIL)?.scrollIntoView({ block: "nearest" }));
  };
  return (
    <PageFrame
      title={deviceTexts.title}
      note={deviceTexts.counts(known.length, known.filter(({ device }) => device.online).length, known.filter(({ device }) => needsAttention(device)).length)}
      actions={
        <>
          <SearchField label={deviceTexts.search} value={text} onChange={setText} />
          <Link className={styles["maps"]} href="/maps">
            <MapPin size={16} aria-hidden="true" />
            {mapTexts.short}
          </Link>
          {me.permissions.includes("claim_devices") && (
            <Button {...(manages ? {} : { look: "main" as const })} onClick={() => { setClaims(true); }}>
              <Link2 size={16} aria-hidden="true" />
              {deviceTexts.claim.open}
            </Button>
          )}
          {manages && (
            <Button look="main" onClick={() => { setRegisters(true); }}>
              <Plus size={16} aria-hidden="true" />
              {deviceTexts.register.open}
            </Button>
          )}
        </>
      }
    >
      {known.length === 0 ? (
        <PanelNotice text={manages ? deviceTexts.none : deviceTexts.noneHere} />
      ) : (
        <div className={styles["grid"]}>
          <DeviceList known={known} text={text} nowMs={nowMs} chosen={shown?.device.device ?? null} onChoose={choose} />
          {shown === undefined ? (
            <div className={styles["detail"]} id={DETAIL}>
              <PanelNotice text={deviceTexts.notListed(asked ?? "")} />
            </div>
          ) : (
            <DeviceDetail key={shown.device.device} known={shown} units={unitsOf(shown.device.device)} nowMs={nowMs} id={DETAIL} onSecret={setSecret} onChoose={choose} />
          )}
        </div>
      )}
      {registers && (
        <RegisterDevice
          models={[...new Set(known.map(({ device }) => device.model))].sort()}
          onClose={() => { setRegisters(false); }}
          onSecret={(made) => {
            setRegisters(false);
            setSecret(made);
            choose(made.device);
          }}
        />
      )}
      {claims && (
        <ClaimDevice
          onClose={() => { setClaims(false); }}
          onClaimed={(device) => {
            setClaims(false);
            choose(device);
          }}
        />
      )}
      {secret !== null && <SecretDialog secret={secret} onClose={() => { setSecret(null); }} />}
    </PageFrame>
  );
}
