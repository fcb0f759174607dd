import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect } from "react";

import { blowsQuery } from "../../api/queries";
import type { Blows } from "../../api/types";
import { Card, CardHead } from "../../design/card";
import { formatValue } from "../../design/format/numbers";
import { formatAge, formatDayTime } from "../../design/format/times";
import hidden from "../../design/hidden.module.css";
import { Tag } from "../../design/tag";
import { bodyTexts } from "../../design/texts-body";
import { breathTexts as words } from "../../design/texts-breaths";
import type { Moment } from "../../session/readings";
import { useSession } from "../../session/session";
import styles from "./breath-card.module.css";
import { BreathTable } from "./breath-table";
import { agreementOf, bestOf, type BlowSession, type BlowValue, breathsOf, expectationOf, flowsOf, newestBreathMs, type SessionResult, type Standing, zoneOf } from "./breath-session";

const STORED_MS = 3_000; // from a breath to its rows
const OLD_S = 86_400; // as the table of measures has it: no number of now any more

interface Properties {
  readonly patient: string;
  readonly moment: Moment;
}

/** The newest session of forced breaths: what it says, how well its breaths agree, and each of them. */
export function BreathCard({ patient, moment }: Properties) {
  const { api } = useSession();
  const queries = useQueryClient();
  const newestMs = newestBreathMs(moment.live, patient);
  useEffect(() => {
    if (newestMs === 0) return undefined;
    const timer = setTimeout(() => void queries.invalidateQueries({ queryKey: ["blows", patient] }), STORED_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [queries, patient, newestMs]);
  const { data, isError } = useQuery(blowsQuery(api, patient));
  const session = data?.sessions[0];
  if (data === undefined || session === undefined) {
    return isError && newestMs > 0 ? (
      <Card label={words.title} className={styles["card"] ?? ""} id="spirometry">
        <CardHead title={words.title} />
        <p role="alert" className={styles["failed"]}>
          {words.failed}
        </p>
      </Card>
    ) : null;
  }
  const breaths = breathsOf(data, session);
  const flows = flowsOf(breaths);
  const ageS = (moment.nowMs - Date.parse(session.end)) / 1000;
  return (
    <Card label={words.title} className={styles["card"] ?? ""} id="spirometry" data-testid="spirometry">
      <CardHead title={words.title}>
        <span className={styles["facts"]} data-testid="spirometry-facts">
          {words.session(formatDayTime(Date.parse(session.end)), session.breaths, session.device)}
          {Number.isFinite(ageS) && ` · ${words.ago(formatAge(Math.max(0, ageS)))}`}
        </span>
      </CardHead>
      <Results session={session} standing={data.standing} isOld={ageS > OLD_S} />
      <BreathTable breaths={breaths} />
      {flows.length > 0 && <p className={styles["lacks"]}>{flows.join(" · ")}</p>}
      <Lacks data={data} session={session} />
    </Card>
  );
}

function Results({ session, standing, isOld }: { readonly session: BlowSession; readonly standing: Standing | null; readonly isOld: boolean }) {
  return (
    <dl className={styles["results"]} aria-label={words.results} data-old={isOld || undefined}>
      {(["fev1", "fvc"] as const).map((name) => (
        <Result key={name} name={name} value={session[name].best} of={session[name]} />
      ))}
      {session.fev1_fvc !== null && <Result name="fev1_fvc" value={session.fev1_fvc} />}
      {standing !== null && (
        <div data-testid="spirometry-standing">
          <dt>
            {words.names[standing.measure]}
            {standing.zone !== null && (
              <Tag data-zone={standing.zone}>
                {words.zones[standing.zone]}
                <span className={hidden["hidden"]}> {words.zone}</span>
              </Tag>
            )}
          </dt>
          <dd>
            <b>{formatValue(standing.value, standing.measure === "pef" ? 0 : 2)}</b> {standing.unit}
          </dd>
          <dd>{bestOf(standing)}</dd>
          {standing.zone === null && <dd>{zoneOf(standing)}</dd>}
        </div>
      )}
    </dl>
  );
}

function Result({ name, value, of }: { readonly name: "fev1" | "fvc" | "fev1_fvc"; readonly value: BlowValue | null; readonly of?: SessionResult }) {
  if (value === null && of?.grade === null) return null; // the device does not give it
  return (
    <div data-testid={`spirometry-${name}`}>
      <dt>
        {words.names[name]}
        {of !== undefined && <Tag look="on">{of.grade === null ? words.noGrade : words.grade(of.grade)}</Tag>}
      </dt>
      <dd>
        <b>{formatValue(value?.value ?? null, 2)}</b> {value === null || value.unit === "1" ? "" : value.unit}
      </dd>
      <dd>{value === null ? words.noBest : expectationOf(value)}</dd>
      {of !== undefined && agreementOf(of) !== "" && <dd>{agreementOf(of)}</dd>}
    </div>
  );
}

function Lacks({ data, session }: { readonly data: Blows; readonly session: BlowSession }) {
  const { missing } = data.reference;
  const parts = [
    session.fev1.grade === null && session.fvc.grade === null ? `${words.unjudged}.` : "",
    missing.length === 0 ? "" : bodyTexts.missing(missing.map((part) => bodyTexts.parts[part])),
    data.sessions.length > 1 ? `${words.sessions(data.sessions.length - 1)}.` : "",
  ].filter((part) => part !== "");
  return parts.length === 0 ? null : <p className={styles["lacks"]}>{parts.join(" ")}</p>;
}
