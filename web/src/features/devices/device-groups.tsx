import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { X } from "lucide-react";
import { useState } from "react";

import { groupsQuery, joinGroup, leaveGroup, makeGroup } from "../../api/device-queries";
import { Button, IconButton } from "../../design/button";
import { Card, CardHead } from "../../design/card";
import field from "../../design/field.module.css";
import { deviceTexts } from "../../design/texts-devices";
import { useSession } from "../../session/session";
import styles from "./devices-page.module.css";

const words = deviceTexts.groups;
const NEW = "";

/** The groups that a device is in; one is made when it is first needed. */
export function DeviceGroups({ device }: { readonly device: string }) {
  const { api } = useSession();
  const queries = useQueryClient();
  const groups = useQuery(groupsQuery(api));
  const [wanted, setWanted] = useState(NEW);
  const [name, setName] = useState("");
  const onSuccess = (): void => {
    setName("");
    setWanted(NEW);
    void queries.invalidateQueries(groupsQuery(api));
  };
  const join = useMutation({
    mutationFn: async () => joinGroup(api, wanted === NEW ? (await makeGroup(api, keyOf(name), name.trim())).key : wanted, device),
    onSuccess,
  });
  const leave = useMutation({ mutationFn: (group: string) => leaveGroup(api, group, device), onSuccess });
  if (groups.data === undefined) return null;
  const own = groups.data.filter(({ devices }) => devices.includes(device));
  const others = groups.data.filter(({ devices }) => !devices.includes(device));
  return (
    <Card label={words.title}>
      <CardHead title={words.title} />
      <div className={styles["groups"]}>
        {own.length === 0 ? (
          <p>{words.none}</p>
        ) : (
          <ul>
            {own.map((group) => (
              <li key={group.key}>
                {group.name}
                <IconButton label={words.leave(group.name)} disabled={leave.isPending} onClick={() => { leave.mutate(group.key); }}>
                  <X size={14} aria-hidden="true" />
                </IconButton>
              </li>
            ))}
          </ul>
        )}
        <form
          onSubmit={(event) => {
            event.preventDefault();
            join.mutate();
          }}
        >
          {others.length > 0 && (
            <select className={field["input"]} aria-label={words.add} value={wanted} onChange={(event) => { setWanted(event.target.value); }}>
              <option value={NEW}>{words.newGroup}</option>
              {others.map((group) => (
                <option key={group.key} value={group.key}>
                  {group.name}
                </option>
              ))}
            </select>
          )}
          {wanted === NEW && (
            <input className={field["input"]} aria-label={words.key} placeholder={words.key} value={name} maxLength={40} autoComplete="off" onChange={(event) => { setName(event.target.value); }} />
          )}
          <Button type="submit" disabled={join.isPending || (wanted === NEW && keyOf(name) === "")}>
            {wanted === NEW ? words.make : words.add}
          </Button>
        </form>
        {(join.isError || leave.isError) && (
          <p role="alert" className={styles["problem"]}>
            {words.failed}
          </p>
        )}
      </div>
    </Card>
  );
}

/** The key of a group from its name: small letters, digits, hyphens. */
function keyOf(name: string): string {
  return name.trim().toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-+|-+$/g, "").slice(0, 40);
}
