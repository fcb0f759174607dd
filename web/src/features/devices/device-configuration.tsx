import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { configurationQuery, type HeldConfiguration, type Model, wish } from "../../api/command-queries";
import { asProblem } from "../../api/problem";
import { Button } from "../../design/button";
import { Card, CardHead } from "../../design/card";
import { Tag } from "../../design/tag";
import { deviceTexts } from "../../design/texts-devices";
import { useSession } from "../../session/session";
import { readValue } from "./command-state";
import styles from "./devices-page.module.css";
import { ValueField } from "./value-field";

const words = deviceTexts.configuration;

interface Properties {
  readonly device: string;
  readonly model: Model;
}

/** What is wished of a device beside what it says is in force. */
export function DeviceConfiguration({ device, model }: Properties) {
  const { api } = useSession();
  const held = useQuery(configurationQuery(api, device));
  if (model.configuration.length === 0 || held.data === undefined) return null;
  return <Wishes device={device} model={model} held={held.data} />;
}

function Wishes({ device, model, held }: Properties & { readonly held: HeldConfiguration }) {
  const { api, me } = useSession();
  const queries = useQueryClient();
  const [typed, setTyped] = useState<Readonly<Record<string, string>>>({});
  const { configuration } = held;
  const save = useMutation({
    mutationFn: (keys: Record<string, unknown>) => wish(api, device, keys, held.etag),
    onSuccess: (now) => {
      queries.setQueryData(configurationQuery(api, device).queryKey, now);
      setTyped({});
    },
    onError: () => void queries.invalidateQueries(configurationQuery(api, device)),
  });
  const writable = me.permissions.includes("manage_devices");
  const changed = model.configuration.flatMap((value) => {
    const text = typed[value.name];
    if (text === undefined || text === shown(configuration.desired[value.name])) return [];
    return [{ value, given: readValue(value, text) }];
  });
  return (
    <Card label={words.title}>
      <CardHead title={words.title} aside={<Tag>{stateText(held)}</Tag>} />
      <div className={styles["configuration"]}>
        {model.configuration.map((value) => {
          const reported = configuration.reported?.[value.name];
          return (
            <div key={value.name} data-testid={`wish-${value.name}`}>
              <ValueField
                value={value}
                disabled={!writable}
                typed={typed[value.name] ?? shown(configuration.desired[value.name])}
                onChange={(text) => { setTyped({ ...typed, [value.name]: text }); }}
              />
              <small>{reported === undefined ? words.notReported : words.inForce(shown(reported))}</small>
            </div>
          );
        })}
        {configuration.error !== null && <p className={styles["problem"]}>{words.error(configuration.error)}</p>}
        {save.isError && (
          <p role="alert" className={styles["problem"]}>
            {asProblem(save.error).code === "changed_meanwhile" ? words.conflict : `${words.failed} ${asProblem(save.error).detail}`}
          </p>
        )}
        {writable && (
          <div className={styles["formActions"]}>
            <Button size="small" look="plain" disabled={changed.length === 0} onClick={() => { setTyped({}); }}>
              {words.discard}
            </Button>
            <Button
              size="small"
              disabled={changed.length === 0 || save.isPending || changed.some(({ given }) => given === undefined)}
              onClick={() => { save.mutate(Object.fromEntries(changed.map(({ value, given }) => [value.name, given]))); }}
            >
              {save.isPending ? words.saving : words.save}
            </Button>
          </div>
        )}
      </div>
    </Card>
  );
}

function stateText({ configuration }: HeldConfiguration): string {
  if (configuration.version === 0) return words.states.none;
  if (configuration.error !== null) return words.states.error;
  return configuration.is_applied ? words.states.applied : words.states.waiting;
}

function shown(value: unknown): string {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : "";
}
