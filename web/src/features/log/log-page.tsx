import { useQuery } from "@tanstack/react-query";
import { ArrowUp, ChevronDown, Download } from "lucide-react";
import { useState } from "react";
import { useSearchParams } from "wouter";

import type { Asked, Log, Topic } from "../../api/log-queries";
import { asProblem } from "../../api/problem";
import { patientsQuery } from "../../api/queries";
import { Button } from "../../design/button";
import { Card } from "../../design/card";
import { formatValue } from "../../design/format/numbers";
import { formatTimeOfDay, formatZone } from "../../design/format/times";
import { Loading } from "../../design/loading";
import { PanelNotice } from "../../design/notice";
import { PageFrame } from "../../design/page-frame";
import { SearchField } from "../../design/search-field";
import { texts } from "../../design/texts";
import { logTexts } from "../../design/texts-log";
import { useServerNow, useSession } from "../../session/session";
import { type Choice, LogFilters, RANGES, SEVERITIES, TOPICS } from "./log-filters";
import styles from "./log-page.module.css";
import { beginOf, csvOf, matches, type Row, rowOf } from "./log-rows";
import { LogTable } from "./log-table";
import { useHeld, useLog } from "./use-log";

const NO_ROWS: Log["items"] = [];

/** Every message that matters: who, what, when, with which outcome. */
export function LogPage() {
  const { api, me, measures } = useSession();
  const nowMs = useServerNow();
  const [search, setSearch] = useSearchParams();
  const [text, setText] = useState("");
  const choice = choiceOf(search);
  const known = !Number.isNaN(nowMs);
  const cares = me.permissions.includes("read_clinical");
  const patients = useQuery({ ...patientsQuery(api), enabled: cares });
  const asked: Asked = {
    fromMs: known ? beginOf(choice.range, nowMs) : 0,
    topic: choice.topic,
    severity: choice.severity,
    device: search.get("device"),
    patient: search.get("patient"),
    user: search.get("user"),
  };
  const { log, older } = useLog(asked, known);
  const rows = (log.data?.items ?? NO_ROWS).map((entry) => rowOf(entry, (measure) => measures.get(measure)?.decimals ?? 0)).filter((row) => matches(row, text));
  const { held, release } = useHeld(rows[0]?.entry.id);
  const first = held === null ? 0 : Math.max(0, rows.findIndex(({ entry }) => entry.id === held));
  const bed = patients.data?.get(asked.patient ?? "")?.bed?.key;
  const only = [
    ...(asked.device === null ? [] : [{ name: "device", text: logTexts.onlyDevice(asked.device) }]),
    ...(asked.patient === null ? [] : [{ name: "patient", text: bed === undefined ? logTexts.onlyOnePatient : logTexts.onlyPatient(bed) }]),
    ...(asked.user === null ? [] : [{ name: "user", text: logTexts.onlyUser(asked.user) }]),
  ];
  const choose = (changed: Readonly<Record<string, string | null>>): void => {
    setSearch(
      (before) => {
        const after = new URLSearchParams(before);
        for (const [name, value] of Object.entries(changed)) {
          if (value === null) after.delete(name);
          else after.set(name, value);
        }
        return after;
      },
      { replace: true },
    );
    release();
  };
  return (
    <PageFrame
      title={logTexts.title}
      note={logTexts.note}
      actions={
        <>
          <SearchField label={logTexts.search} value={text} onChange={setText} />
          <Button disabled={rows.length === 0} title={logTexts.exportNote} onClick={() => { save(rows, nowMs); }}>
            <Download size={16} aria-hidden="true" />
            {logTexts.export}
          </Button>
        </>
      }
    >
      <Card label={logTexts.list} className={styles["card"]} data-asked={log.isPlaceholderData ? "changing" : "shown"}>
        <LogFilters choice={choice} topics={topicsOf(me.permissions)} only={only} onChoose={choose} />
        {log.isError && log.data !== undefined && (
          <p className={styles["stale"]} role="status">
            {logTexts.stale(formatTimeOfDay(log.dataUpdatedAt))}
          </p>
        )}
        {first > 0 && (
          <button type="button" className={styles["fresh"]} onClick={release}>
            <ArrowUp size={15} aria-hidden="true" />
            {logTexts.fresh(first)}
          </button>
        )}
        {log.data === undefined ? (
          log.isError ? (
            <PanelNotice
              failed
              text={asProblem(log.error).code === "not_found" ? logTexts.notFound : logTexts.failed}
              action={<Button onClick={() => void log.refetch()}>{texts.ward.tryAgain}</Button>}
            />
          ) : (
            <Loading className={styles["loading"]} />
          )
        ) : rows.length === 0 ? (
          <PanelNotice text={log.data.items.length === 0 ? logTexts.none : logTexts.noMatch} />
        ) : (
          <LogTable rows={rows.slice(first)} days={choice.range !== "today"} />
        )}
        {log.data !== undefined && log.data.items.length > 0 && (
          <footer className={styles["foot"]}>
            <span>
              {logTexts.shown(formatValue(rows.length - first, 0), formatZone(nowMs))} {log.data.next === null ? logTexts.end : logTexts.more}
            </span>
            {older.isError && <span role="alert">{logTexts.olderFailed}</span>}
            {log.data.next !== null && (
              <Button
                size="small"
                disabled={older.isPending || log.isPlaceholderData}
                onClick={() => {
                  older.mutate(log.data);
                }}
              >
                {older.isPending ? logTexts.wait : logTexts.older}
                <ChevronDown size={15} aria-hidden="true" />
              </Button>
            )}
          </footer>
        )}
      </Card>
    </PageFrame>
  );
}

function choiceOf(search: URLSearchParams): Choice {
  const named = <T extends string>(all: readonly T[], name: string): T | null => all.find((one) => one === search.get(name)) ?? null;
  return { topic: named(TOPICS, "topic"), severity: named(SEVERITIES, "severity"), range: named(RANGES, "range") ?? "today" };
}

/** What a reader finds nothing under is not offered. */
function topicsOf(permissions: readonly string[]): readonly Topic[] {
  return TOPICS.filter((topic) => {
    if (topic === "alarm" || topic === "limits") return permissions.includes("read_clinical") || permissions.includes("read_audit");
    if (topic === "account") return permissions.includes("read_audit");
    if (topic === "system") return permissions.includes("read_audit") || permissions.includes("act_on_alarms");
    return true;
  });
}

function save(rows: readonly Row[], nowMs: number): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csvOf(rows)], { type: "text/csv;charset=utf-8" }));
  link.download = `events-${new Date(nowMs).toISOString().slice(0, 19).replaceAll(":", "")}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
}
