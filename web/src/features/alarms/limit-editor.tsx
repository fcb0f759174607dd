import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { ChevronDown } from "lucide-react";
import { useState } from "react";

import { type HeldLimits, limitsQuery, putLimits } from "../../api/alarm-queries";
import { asProblem } from "../../api/problem";
import type { WardPatient } from "../../api/types";
import { Button } from "../../design/button";
import { Card, CardHead } from "../../design/card";
import { ageInYears } from "../../design/format/times";
import { Loading } from "../../design/loading";
import { PanelNotice } from "../../design/notice";
import { Tag } from "../../design/tag";
import { texts } from "../../design/texts";
import { alarmTexts } from "../../design/texts-alarms";
import { type Moment, readVital } from "../../session/readings";
import { useSession } from "../../session/session";
import { type Draft, draftOf, type Drafts, isChanged, limitsToSave, problemOfDraft } from "./limit-drafts";
import styles from "./limit-editor.module.css";
import { LimitRow } from "./limit-row";

const words = alarmTexts.limits;

export interface BedOfWard extends WardPatient {
  readonly bed: string;
}

interface Properties {
  readonly patient: BedOfWard;
  readonly beds: readonly BedOfWard[];
  readonly birthDate: string | null;
  readonly moment: Moment;
  readonly onChoose: (patient: string) => void;
}

/** The limits that raise a patient's alarms; a change waits for the server and rests on what was read. */
export function LimitEditor({ patient, beds, birthDate, moment, onChoose }: Properties) {
  const { api } = useSession();
  const held = useQuery(limitsQuery(api, patient.key));
  const age = ageInYears(birthDate ?? patient.birth_year, moment.nowMs);
  return (
    <Card label={words.of(patient.bed)} className={styles["card"]}>
      <CardHead title={words.title} aside={age === null ? undefined : <Tag>{texts.patient.years(age)}</Tag>}>
        <span className={styles["choice"]}>
          {texts.ward.tile(`${alarmTexts.columns.bed} ${patient.bed}`, patient.initials)}
          <ChevronDown size={15} aria-hidden="true" />
          <select aria-label={words.patient} value={patient.key} onChange={(event) => { onChoose(event.target.value); }}>
            {beds.map(({ key, bed, initials }) => (
              <option key={key} value={key}>
                {texts.ward.tile(`${alarmTexts.columns.bed} ${bed}`, initials)}
              </option>
            ))}
          </select>
        </span>
      </CardHead>
      {held.data !== undefined ? (
        <Limits patient={patient.key} held={held.data} moment={moment} />
      ) : held.isError ? (
        <PanelNotice failed text={words.loadFailed} action={<Button onClick={() => void held.refetch()}>{texts.ward.tryAgain}</Button>} />
      ) : (
        <Loading className={styles["loading"]} />
      )}
    </Card>
  );
}

interface LimitsProperties {
  readonly patient: string;
  readonly held: HeldLimits;
  readonly moment: Moment;
}

function Limits({ patient, held, moment }: LimitsProperties) {
  const { me } = useSession();
  const [drafts, setDrafts] = useState<Drafts>(new Map());
  const save = useSave(patient, () => {
    setDrafts(new Map());
  });
  const writable = me.permissions.includes("set_limits");
  const changed = held.items.filter((limit) => isChanged(limit, drafts.get(limit.measure) ?? draftOf(limit)));
  const problems = changed.map((limit) => problemOfDraft(limit, drafts.get(limit.measure) ?? draftOf(limit), rangeOf(moment, limit.measure)));
  const change = (measure: string, draft: Draft): void => {
    save.reset();
    setDrafts(new Map(drafts).set(measure, draft));
  };
  if (held.items.length === 0) return <PanelNotice text={words.none} />;
  return (
    <>
      <div className={styles["limits"]}>
        {held.items.map((limit) => (
          <LimitRow
            key={limit.measure}
            limit={limit}
            draft={drafts.get(limit.measure) ?? draftOf(limit)}
            range={rangeOf(moment, limit.measure)}
            reading={readVital(moment, patient, limit.measure, moment.linked ? moment.live.alarms.ofPatient(patient) : [], [])}
            onChange={writable ? (draft) => { change(limit.measure, draft); } : null}
          />
        ))}
      </div>
      {save.isConflict && <Conflict patient={patient} onTheirs={() => { setDrafts(new Map()); }} onDone={save.reset} />}
      <footer className={styles["foot"]}>
        <span className={styles["note"]} role={save.message === null ? undefined : "status"}>
          {save.message ?? (writable ? words.note : words.readOnly)}
        </span>
        {writable && (
          <>
            {changed.length > 0 && (
              <Button look="plain" disabled={save.isPending} onClick={() => { setDrafts(new Map()); }}>
                {words.undo}
              </Button>
            )}
            <Button
              look="main"
              data-testid="save-limits"
              disabled={changed.length === 0 || save.isPending || save.isConflict || problems.some((problem) => problem !== null)}
              onClick={() => { save.save(limitsToSave(held.items, drafts), held.etag); }}
            >
              {save.isPending ? words.saving : words.save}
            </Button>
          </>
        )}
      </footer>
    </>
  );
}

function rangeOf({ measures }: Moment, measure: string): { readonly low: number; readonly high: number } {
  const row = measures.get(measure);
  return { low: row?.low ?? -Infinity, high: row?.high ?? Infinity };
}

/** Somebody was faster: see theirs, or rest the own change on theirs. */
function Conflict({ patient, onTheirs, onDone }: { readonly patient: string; readonly onTheirs: () => void; readonly onDone: () => void }) {
  const queries = useQueryClient();
  const { api } = useSession();
  const readAgain = async (): Promise<void> => {
    await queries.invalidateQueries(limitsQuery(api, patient));
    onDone();
  };
  return (
    <div className={styles["conflict"]} role="alert">
      <p>{words.conflict}</p>
      <Button
        size="small"
        onClick={() => {
          onTheirs();
          void readAgain();
        }}
      >
        {words.takeTheirs}
      </Button>
      <Button size="small" onClick={() => void readAgain()}>
        {words.keepMine}
      </Button>
    </div>
  );
}

const CONFLICT: ReadonlySet<string> = new Set(["changed_meanwhile", "conflict", "http_409", "http_412"]);

function useSave(patient: string, onSaved: () => void) {
  const { api } = useSession();
  const queries = useQueryClient();
  const mutation = useMutation({
    mutationFn: ({ items, etag }: { readonly items: Parameters<typeof putLimits>[2]; readonly etag: string }) =>
      putLimits(api, patient, items, etag),
    onSuccess: (held) => {
      queries.setQueryData(limitsQuery(api, patient).queryKey, held);
      void queries.invalidateQueries({ queryKey: ["patients"] });
      void queries.invalidateQueries({ queryKey: ["patient", patient] });
      onSaved();
    },
  });
  const code = mutation.isError ? asProblem(mutation.error).code : null;
  const isConflict = code !== null && CONFLICT.has(code);
  const refused = code === "forbidden" || code === "http_403";
  return {
    isPending: mutation.isPending,
    isConflict,
    message: mutation.isSuccess ? words.saved : code === null || isConflict ? null : refused ? words.forbidden : words.failed,
    save: (items: Parameters<typeof putLimits>[2], etag: string) => {
      mutation.mutate({ items, etag });
    },
    reset: mutation.reset,
  };
}
