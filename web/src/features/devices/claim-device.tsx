import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import type { SubmitEvent } from "react";

import { claimDevice, devicesQuery } from "../../api/device-queries";
import { asProblem } from "../../api/problem";
import { patientsQuery } from "../../api/queries";
import { Button } from "../../design/button";
import { Dialog } from "../../design/dialog";
import field from "../../design/field.module.css";
import { texts } from "../../design/texts";
import { deviceTexts } from "../../design/texts-devices";
import { useSession } from "../../session/session";
import styles from "./devices-page.module.css";

const words = deviceTexts.claim;

interface Properties {
  readonly onClose: () => void;
  readonly onClaimed: (device: string) => void;
}

/** Put a device that one has in hand on a patient, by the code that came with it. */
export function ClaimDevice({ onClose, onClaimed }: Properties) {
  const { api } = useSession();
  const queries = useQueryClient();
  const { data: patients } = useQuery(patientsQuery(api));
  const claim = useMutation({
    mutationFn: (asked: Parameters<typeof claimDevice>[1]) => claimDevice(api, asked),
    onSuccess: ({ device }) => {
      void queries.invalidateQueries(devicesQuery(api));
      void queries.invalidateQueries({ queryKey: ["patients"] });
      void queries.invalidateQueries({ queryKey: ["ward"] });
      onClaimed(device);
    },
  });
  const submit = (event: SubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    claim.mutate({ device: text(fields.get("device")).toLowerCase(), code: text(fields.get("code")).toUpperCase(), patient: text(fields.get("patient")) });
  };
  return (
    <Dialog title={words.title} onClose={onClose}>
      <form className={styles["form"]} onSubmit={submit}>
        <label>
          {words.device}
          <input className={field["input"]} name="device" required maxLength={40} autoCapitalize="none" autoComplete="off" spellCheck={false} />
        </label>
        <label>
          {words.code}
          <input className={`${field["input"] ?? ""} ${styles["codeInput"] ?? ""}`} name="code" required minLength={8} maxLength={20} autoCapitalize="characters" autoComplete="off" spellCheck={false} />
        </label>
        <label>
          {words.patient}
          <select className={field["input"]} name="patient" required>
            {[...(patients?.values() ?? [])].map(({ key, bed, initials }) => (
              <option key={key} value={key}>
                {bed === null ? initials : texts.ward.tile(bed.label, initials)}
              </option>
            ))}
          </select>
        </label>
        {claim.isError && (
          <p role="alert" className={styles["problem"]}>
            {problemText(claim.error)}
          </p>
        )}
        <div className={styles["formActions"]}>
          <Button onClick={onClose}>{texts.keys.close}</Button>
          <Button type="submit" look="main" disabled={claim.isPending}>
            {claim.isPending ? words.claiming : words.claim}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function problemText(error: unknown): string {
  const { code } = asProblem(error);
  if (code === "rate_limited") return words.many;
  if (code === "conflict") return words.worn;
  return code === "unreachable" || code === "unavailable" ? words.failed : words.refused;
}

function text(value: FormDataEntryValue | null): string {
  return typeof value === "string" ? value.trim() : "";
}
