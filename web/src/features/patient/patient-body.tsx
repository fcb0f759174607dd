import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, type SubmitEvent, useId, useState } from "react";

import { asProblem } from "../../api/problem";
import { blowsQuery, setLungReference } from "../../api/queries";
import type { LungReference } from "../../api/types";
import { Button } from "../../design/button";
import { Dialog } from "../../design/dialog";
import field from "../../design/field.module.css";
import { Loading } from "../../design/loading";
import { texts } from "../../design/texts";
import { bodyTexts as words } from "../../design/texts-body";
import { useServerNow, useSession } from "../../session/session";
import { type BodyDraft, type BodyField, bodyToSave, dayOf, draftOf, GROUPS, problemsOf, SEXES } from "./body-draft";
import styles from "./patient-body.module.css";

interface Properties {
  readonly patient: string;
  readonly who: string;
  readonly onClose: () => void;
}

/** Sex, birth date and height of a patient: what expected values rest on. */
export function PatientBody({ patient, who, onClose }: Properties) {
  const { api } = useSession();
  const nowMs = useServerNow();
  const known = useQuery(blowsQuery(api, patient));
  return (
    <Dialog title={words.title(who)} onClose={onClose}>
      <p className={styles["about"]}>{words.about}</p>
      {known.data !== undefined && !Number.isNaN(nowMs) ? (
        <Form patient={patient} known={known.data.reference} today={dayOf(nowMs)} onClose={onClose} />
      ) : known.isError ? (
        <p role="alert" className={styles["problem"]}>
          {words.loadFailed}
        </p>
      ) : (
        <Loading className={styles["loading"]} />
      )}
    </Dialog>
  );
}

interface FormProperties {
  readonly patient: string;
  readonly known: LungReference;
  readonly today: string;
  readonly onClose: () => void;
}

function Form({ patient, known, today, onClose }: FormProperties) {
  const { api } = useSession();
  const queries = useQueryClient();
  const [draft, setDraft] = useState<BodyDraft>(() => draftOf(known, today));
  const [tried, setTried] = useState(false);
  const save = useMutation({
    mutationFn: (body: Parameters<typeof setLungReference>[2]) => setLungReference(api, patient, body),
    onSuccess: () => {
      void queries.invalidateQueries(blowsQuery(api, patient));
      for (const what of ["patient", "patients", "ward", "limits"]) void queries.invalidateQueries({ queryKey: [what] });
      onClose();
    },
  });
  const problems = problemsOf(draft, today);
  const change = (name: BodyField) => (event: { readonly target: { readonly value: string } }) => {
    setDraft({ ...draft, [name]: event.target.value });
  };
  const submit = (event: SubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    setTried(true);
    const body = bodyToSave(draft, known, today);
    if (body !== null) save.mutate(body);
  };
  // an empty field is told of once somebody wanted to save; a wrong one at once
  const problemOf = (name: BodyField): string | null => {
    const problem = problems[name];
    return problem === undefined || (!tried && draft[name] === "") ? null : words.problems[problem];
  };
  const of = (name: BodyField) => ({ name, text: words.fields[name], hint: words.hints[name], problem: problemOf(name), value: draft[name], onChange: change(name) });
  return (
    <form className={styles["form"]} onSubmit={submit} noValidate>
      <div className={styles["pair"]}>
        <Choice {...of("sex")} options={SEXES.map((sex) => [sex, words.sexes[sex]])} />
        <Typed {...of("birthDate")} type="date" max={today} />
      </div>
      <div className={styles["pair"]}>
        <Typed {...of("height")} type="text" />
        <Typed {...of("heightOn")} type="date" max={today} />
      </div>
      <Choice {...of("group")} options={GROUPS.map((group) => [group, words.groups[group]])} />
      <Typed {...of("best")} type="text" />
      {save.isError && (
        <p role="alert" className={styles["problem"]}>
          {words.failed(asProblem(save.error).detail)}
        </p>
      )}
      <div className={styles["actions"]}>
        <Button onClick={onClose}>{texts.keys.close}</Button>
        <Button type="submit" look="main" disabled={save.isPending}>
          {save.isPending ? words.saving : words.save}
        </Button>
      </div>
    </form>
  );
}

interface FieldProperties {
  readonly name: BodyField;
  readonly text: string;
  readonly hint: string;
  readonly problem: string | null;
  readonly value: string;
  readonly onChange: (event: { readonly target: { readonly value: string } }) => void;
}

function Typed({ type, max, ...own }: FieldProperties & { readonly type: "text" | "date"; readonly max?: string }) {
  return (
    <Field {...own}>
      {(wiring) => <input {...wiring} className={field["input"]} type={type} {...(max === undefined ? { inputMode: "decimal" } : { max })} autoComplete="off" />}
    </Field>
  );
}

function Choice({ options, ...own }: FieldProperties & { readonly options: readonly (readonly [string, string])[] }) {
  return (
    <Field {...own}>
      {(wiring) => (
        <select {...wiring} className={field["input"]}>
          {own.value === "" && <option value="">–</option>}
          {options.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

interface Wiring extends Pick<FieldProperties, "name" | "value" | "onChange"> {
  readonly id: string;
  readonly "aria-invalid": boolean;
  readonly "aria-describedby": string;
}

/** A field under its name, with its bounds, and in their place what is wrong. */
function Field({ name, text, hint, problem, value, onChange, children }: FieldProperties & { readonly children: (wiring: Wiring) => ReactNode }) {
  const id = useId();
  return (
    <div className={styles["field"]}>
      <label htmlFor={id}>{text}</label>
      {children({ id, name, value, onChange, "aria-invalid": problem !== null, "aria-describedby": `${id}-hint` })}
      <small id={`${id}-hint`} data-wrong={problem !== null || undefined}>
        {problem ?? hint}
      </small>
    </div>
  );
}
