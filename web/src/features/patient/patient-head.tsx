import { useQuery } from "@tanstack/react-query";
import { ChevronLeft, Cpu, Pencil, Plug, UserPen } from "lucide-react";
import { useState } from "react";
import { Link } from "wouter";

import { modelsQuery } from "../../api/command-queries";
import type { Patient } from "../../api/types";
import { IconButton } from "../../design/button";
import { Chip } from "../../design/chip";
import { ageInYears } from "../../design/format/times";
import { Battery } from "../../design/marks";
import { texts } from "../../design/texts";
import { bodyTexts } from "../../design/texts-body";
import { useSession } from "../../session/session";
import { PatientBody } from "./patient-body";
import styles from "./patient-page.module.css";

export function PatientHead({ data, nowMs }: { readonly data: Patient; readonly nowMs: number }) {
  const { api, me } = useSession();
  const [describes, setDescribes] = useState(false);
  const models = useQuery(modelsQuery(api)).data;
  const age = ageInYears(data.birth_date, nowMs);
  const facts = [data.sex ?? "", age === null ? "" : texts.patient.years(age)].filter((fact) => fact !== "");
  return (
    <div className={styles["head"]}>
      <Link className={styles["back"]} href="/ward" aria-label={texts.nav.backToWard}>
        <ChevronLeft size={20} aria-hidden="true" />
      </Link>
      <span className={styles["bed"]}>{data.bed?.label ?? data.initials}</span>
      <span className={styles["who"]}>
        <b>{data.initials}</b>
        <span>{facts.join(" · ")}</span>
      </span>
      {me.permissions.includes("describe_patients") && (
        <IconButton label={bodyTexts.open} onClick={() => { setDescribes(true); }}>
          <UserPen size={18} strokeWidth={1.8} aria-hidden="true" />
        </IconButton>
      )}
      {describes && <PatientBody patient={data.key} who={data.initials} onClose={() => { setDescribes(false); }} />}
      <div className={styles["devices"]}>
        {data.devices.map((device) => (
          <Chip key={device.device} title={device.device}>
            <Cpu size={15} strokeWidth={1.8} aria-hidden="true" />
            {models?.get(device.model)?.label ?? device.model}
            {device.battery_percent !== null && (
              <>
                <Battery percent={Math.round(device.battery_percent)} />
                <span className={styles["percent"]}>{Math.round(device.battery_percent)} %</span>
              </>
            )}
            {!device.online && (
              <>
                <Plug size={14} aria-hidden="true" />
                {texts.patient.offline}
              </>
            )}
          </Chip>
        ))}
      </div>
      <Link className={styles["limits"]} href={`/alarms?patient=${data.key}`} data-testid="limits">
        <Pencil size={16} strokeWidth={1.8} aria-hidden="true" />
        {texts.patient.limits}
      </Link>
    </div>
  );
}
