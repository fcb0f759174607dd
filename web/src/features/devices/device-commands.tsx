import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Check, Clock3, TriangleAlert, X } from "lucide-react";
import { useState } from "react";

import { type Command, commandsQuery, type Model, sendCommand, type Values } from "../../api/command-queries";
import { asProblem } from "../../api/problem";
import { Button } from "../../design/button";
import { Card, CardHead } from "../../design/card";
import field from "../../design/field.module.css";
import { formatValue } from "../../design/format/numbers";
import { formatTimeOfDay } from "../../design/format/times";
import { deviceTexts } from "../../design/texts-devices";
import { useSession } from "../../session/session";
import { type CommandNews, newsOf, readValue } from "./command-state";
import styles from "./devices-page.module.css";
import { ValueField } from "./value-field";

const words = deviceTexts.commands;
const ICONS = { wait: Clock3, done: Check, late: TriangleAlert, failed: X } as const;
const SHOWN = 6;

interface Properties {
  readonly device: string;
  readonly model: Model;
  readonly nowMs: number;
}

/** Ask the device for something, and see what became of it: never assumed, always answered. */
export function DeviceCommands({ device, model, nowMs }: Properties) {
  const { api, me } = useSession();
  const commands = useQuery(commandsQuery(api, device));
  if (model.commands.length === 0) return null;
  const labels = new Map(model.commands.map(({ name, label }) => [name, label]));
  return (
    <Card label={words.title}>
      <CardHead title={words.title} />
      {me.permissions.includes("command_devices") && <CommandForm device={device} model={model} />}
      {commands.isError && commands.data === undefined && <p className={styles["hint"]}>{words.failed}</p>}
      {commands.data?.length === 0 && <p className={styles["quiet"]}>{words.none}</p>}
      <ol className={styles["commands"]}>
        {commands.data?.slice(0, SHOWN).map((command) => (
          <CommandRow key={command.id} command={command} label={labels.get(command.name) ?? command.name} nowMs={nowMs} />
        ))}
      </ol>
    </Card>
  );
}

function CommandRow({ command, label, nowMs }: { readonly command: Command; readonly label: string; readonly nowMs: number }) {
  const news = newsOf(command, nowMs);
  const Icon = ICONS[news.look];
  const args = Object.entries(command.args).map(([name, value]) => `${name} ${String(value)}`).join(", ");
  return (
    <li data-testid={`cmd-${command.id}`} data-look={news.look} data-state={command.state}>
      <time>{formatTimeOfDay(Date.parse(command.requested_at))}</time>
      <span>
        <b>
          {label}
          {args !== "" && <small> {args}</small>}
        </b>
        <span>
          <Icon size={14} aria-hidden="true" />
          {newsText(news)}
        </span>
      </span>
    </li>
  );
}

function newsText({ kind, seconds, detail }: CommandNews): string {
  const text = words.states[kind](seconds === null ? "–" : formatValue(seconds, kind === "done" && seconds < 10 ? 2 : 0));
  return detail === null || detail === "" ? text : `${text}: ${detail}`;
}

function CommandForm({ device, model }: { readonly device: string; readonly model: Model }) {
  const { api } = useSession();
  const queries = useQueryClient();
  const [name, setName] = useState(() => (model.commands.find((known) => known.name === "identify") ?? model.commands[0])?.name ?? "");
  const [typed, setTyped] = useState<Readonly<Record<string, string>>>({});
  const chosen = model.commands.find((known) => known.name === name);
  const send = useMutation({
    mutationFn: ({ args, key }: { readonly args: Values; readonly key: string }) => sendCommand(api, device, name, args, key),
    onSuccess: () => queries.invalidateQueries(commandsQuery(api, device)),
  });
  const read = (chosen?.args ?? []).map((value) => ({ value, given: readValue(value, typed[value.name] ?? "") }));
  const fits = read.every(({ value, given }) => given !== undefined && !(value.required && given === null));
  return (
    <form
      className={styles["command"]}
      onSubmit={(event) => {
        event.preventDefault();
        const args: Values = {};
        for (const { value, given } of read) if (given !== null && given !== undefined) args[value.name] = given;
        send.mutate({ args, key: crypto.randomUUID() });
      }}
    >
      <select
        className={field["input"]}
        aria-label={words.choose}
        value={name}
        onChange={(event) => {
          setName(event.target.value);
          setTyped({});
          send.reset();
        }}
      >
        {model.commands.map((known) => (
          <option key={known.name} value={known.name}>
            {known.label}
          </option>
        ))}
      </select>
      <Button type="submit" disabled={!fits || send.isPending}>
        {send.isPending ? words.sending : words.send}
      </Button>
      {read.map(({ value }) => (
        <ValueField key={value.name} value={value} typed={typed[value.name] ?? ""} onChange={(text) => { setTyped({ ...typed, [value.name]: text }); }} />
      ))}
      {send.isError && (
        <p role="alert" className={styles["problem"]}>
          {words.notSent} {asProblem(send.error).detail}
        </p>
      )}
    </form>
  );
}
