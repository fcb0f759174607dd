import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type ChangeEvent, type SubmitEvent, useId, useState } from "react";

import { bringMap, type MapFile, mapsQuery, type PlaceMap } from "../../api/map-queries";
import { asProblem } from "../../api/problem";
import { Button } from "../../design/button";
import { Dialog } from "../../design/dialog";
import field from "../../design/field.module.css";
import { texts } from "../../design/texts";
import { mapTexts } from "../../design/texts-maps";
import { useSession } from "../../session/session";
import { formOf, KEY_PATTERN, LARGEST_BYTES, placeIn } from "./map-file";
import styles from "./maps-page.module.css";

const words = mapTexts.bring;
const KEY_MOST = 40;

interface Properties {
  readonly onClose: () => void;
  readonly onBrought: (map: PlaceMap) => void;
}

/** Bring the file of a floor; what is wrong with it is told with its line. */
export function BringMap({ onClose, onBrought }: Properties) {
  const { api } = useSession();
  const queries = useQueryClient();
  const id = useId();
  const [file, setFile] = useState<File | null>(null);
  const [site, setSite] = useState("");
  const [floor, setFloor] = useState("");
  const bring = useMutation({
    mutationFn: async (chosen: File) => bringMap(api, await fileOf(chosen, site, floor)),
    onSuccess: (map) => {
      void queries.invalidateQueries(mapsQuery(api));
      onBrought(map);
    },
  });
  const choose = (event: ChangeEvent<HTMLInputElement>): void => {
    const chosen = event.target.files?.[0] ?? null;
    bring.reset();
    setFile(chosen);
    if (chosen === null) return;
    const likely = placeIn(chosen.name);
    if (site === "") setSite(likely.site);
    if (floor === "") setFloor(likely.floor);
  };
  const submit = (event: SubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    if (file !== null) bring.mutate(file);
  };
  const large = file !== null && file.size > LARGEST_BYTES;
  const asksPlace = file !== null && formOf(file.name) === "text/csv";
  const key = { className: field["input"], required: true, maxLength: KEY_MOST, pattern: KEY_PATTERN, autoCapitalize: "none", autoComplete: "off", spellCheck: false, "aria-describedby": `${id}-hint` } as const;
  return (
    <Dialog title={words.title} onClose={onClose}>
      <form className={styles["form"]} onSubmit={submit}>
        <p>{words.about}</p>
        <label>
          {words.file}
          <input className={styles["file"]} type="file" accept=".csv,.json,text/csv,application/json" required onChange={choose} />
        </label>
        {asksPlace && (
          <>
            <div className={styles["pair"]}>
              <label>
                {words.site}
                <input {...key} value={site} onChange={(event) => { setSite(event.target.value); }} />
              </label>
              <label>
                {words.floor}
                <input {...key} value={floor} onChange={(event) => { setFloor(event.target.value); }} />
              </label>
            </div>
            <small id={`${id}-hint`}>{words.keyHint}</small>
          </>
        )}
        {(large || bring.isError) && (
          <p role="alert" className={styles["problem"]}>
            {large ? words.large : problemText(bring.error)}
          </p>
        )}
        <div className={styles["formActions"]}>
          <Button onClick={onClose}>{texts.keys.close}</Button>
          <Button type="submit" look="main" disabled={file === null || large || bring.isPending}>
            {bring.isPending ? words.sending : words.send}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

async function fileOf(chosen: File, site: string, floor: string): Promise<MapFile> {
  const [form, text] = [formOf(chosen.name), await chosen.text()];
  return form === "text/csv" ? { form, text, site, floor } : { form, text };
}

function problemText(error: unknown): string {
  const { code, detail } = asProblem(error);
  if (code === "forbidden") return words.forbidden;
  if (code === "unreachable" || code === "unavailable") return words.failed;
  return words.refused(detail);
}
