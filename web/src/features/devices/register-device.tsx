import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type SubmitEvent, useId, useState } from "react";

import { devicesQuery, type DeviceSecret, registerDevice } from "../../api/device-queries";
import { asProblem } from "../../api/problem";
import { Button } from "../../design/button";
import { Dialog } from "../../design/dialog";
import field from "../../design/field.module.css";
import { deviceTexts } from "../../design/texts-devices";
import { useSession } from "../../session/session";
import styles from "./devices-page.module.css";

const words = deviceTexts.register;

interface Properties {
  /** Models that are known already, offered; the server decides. */
  readonly models: readonly string[];
  readonly onClose: () => void;
  readonly onSecret: (secret: DeviceSecret) => void;
}

export function RegisterDevice({ models, onClose, onSecret }: Properties) {
  const { api } = useSession();
  const queries = useQueryClient();
  const id = useId();
  const [key] = useState(() => crypto.randomUUID()); // sent again, it happens once
  const create = useMutation({
    mutationFn: (device: Parameters<typeof registerDevice>[1]) => registerDevice(api, device, key),
    onSuccess: (secret) => {
      void queries.invalidateQueries(devicesQuery(api));
      onSecret(secret);
    },
  });
  const submit = (event: SubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    const note = text(fields.get("note"));
    create.mutate({ device: text(fields.get("device")), model: text(fields.get("model")), simulated: false, note: note === "" ? null : note });
  };
  return (
    <Dialog title={words.title} onClose={onClose}>
      <form className={styles["form"]} onSubmit={submit}>
        <label>
          {words.device}
          <input className={field["input"]} name="device" required maxLength={64} autoCapitalize="none" autoComplete="off" spellCheck={false} aria-describedby={`${id}-hint`} />
        </label>
        <p id={`${id}-hint`} className={styles["hint"]}>
          {words.deviceHint}
        </p>
        <label>
          {words.model}
          <input className={field["input"]} name="model" required list={`${id}-models`} defaultValue={models[0]} autoCapitalize="none" autoComplete="off" />
        </label>
        <datalist id={`${id}-models`}>
          {models.map((model) => (
            <option key={model} value={model} />
          ))}
        </datalist>
        <label>
          {words.note}
          <input className={field["input"]} name="note" maxLength={200} autoComplete="off" />
        </label>
        {create.isError && (
          <p role="alert" className={styles["problem"]}>
            {problemText(create.error)}
          </p>
        )}
        <div className={styles["formActions"]}>
          <Button onClick={onClose}>{words.cancel}</Button>
          <Button type="submit" look="main" disabled={create.isPending}>
            {create.isPending ? words.creating : words.create}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function problemText(error: unknown): string {
  const { code } = asProblem(error);
  if (code === "conflict" || code === "http_409") return words.conflict;
  return ["invalid", "validation", "http_422", "http_400"].includes(code) ? words.invalid : words.failed;
}

function text(value: FormDataEntryValue | null): string {
  return typeof value === "string" ? value.trim() : "";
}
