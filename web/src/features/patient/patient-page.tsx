import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useEffect, useEffectEvent } from "react";
import { useLocation } from "wouter";

import type { Patient } from "../../api/types";
import { asProblem } from "../../api/problem";
import { patientQuery } from "../../api/queries";
import { Button } from "../../design/button";
import { isTyping } from "../../design/keys";
import { Loading } from "../../design/loading";
import { PanelNotice } from "../../design/notice";
import { texts } from "../../design/texts";
import { useAcknowledge, usePause } from "../../session/actions";
import { rateMeasure } from "../../session/readings";
import { useLinked, useServerNow, useSession, useWatched } from "../../session/session";
import { BreathCard } from "./breath-card";
import { FurtherNumbers } from "./further-numbers";
import { LiveSignals } from "./live-signals";
import { PatientAlarms } from "./patient-alarms";
import { PatientHead } from "./patient-head";
import { PatientNumbers } from "./patient-numbers";
import styles from "./patient-page.module.css";
import { PatientTabs } from "./patient-tabs";
import { PlaceCard } from "./place-card";
import { useReviewTime } from "./review-time";
import { SignalReview } from "./signal-review";
import { Trends } from "./trends";

const STORED_MS = 2_000; // from an alarm to its event in the store

export function PatientPage({ patient }: { readonly patient: string }) {
  const { api } = useSession();
  const query = useQuery(patientQuery(api, patient));
  if (query.data === undefined) {
    if (!query.isError) return <PatientLoading />;
    const missing = ["not_found", "http_404"].includes(asProblem(query.error).code);
    const again = <Button onClick={() => void query.refetch()}>{texts.ward.tryAgain}</Button>;
    return <PanelNotice failed text={missing ? texts.patient.notFound : texts.patient.failed} action={again} />;
  }
  return <Patient data={query.data} />;
}

/** The parts of the page where they will stand. */
function PatientLoading() {
  return (
    <div className={styles["grid"]} aria-busy="true">
      {(["head", "signals", "numbers", "wide"] as const).map((part) => (
        <Loading key={part} className={styles[`loading-${part}`]} />
      ))}
    </div>
  );
}

function Patient({ data }: { readonly data: Patient }) {
  const { live, measures } = useSession();
  const nowMs = useServerNow();
  const linked = useLinked();
  useWatched(live.alarmVersion);
  const streams = useWaveforms(data);
  const alarms = linked ? live.alarms.ofPatient(data.key) : [];
  useFreshEvents();
  usePatientKeys(data.key, alarms[0]?.id ?? null);
  const moment = { live, measures, nowMs, linked };
  const [reviewMs, setReviewMs] = useReviewTime();
  const openSignal = useCallback(
    (atMs: number) => {
      setReviewMs(atMs);
      document.getElementById("signals")?.scrollIntoView({ block: "nearest" });
    },
    [setReviewMs],
  );
  return (
    <>
      <PatientHead data={data} nowMs={nowMs} />
      <PatientAlarms patient={data.key} alarms={alarms} moment={moment} />
      <PatientTabs />
      <div className={styles["grid"]} id="live">
        <LiveSignals patient={data.key} streams={streams} worn={data.devices.length > 0} moment={moment} />
        <PatientNumbers data={data} alarms={alarms} moment={moment} />
        <FurtherNumbers data={data} alarms={alarms} moment={moment} />
      </div>
      <div className={styles["grid"]}>
        <Trends patient={data.key} rate={rateMeasure(moment, data.key)} limits={data.limits} onOpen={openSignal} />
        <SignalReview patient={data.key} streams={streams} atMs={reviewMs} onShow={setReviewMs} />
        <BreathCard patient={data.key} moment={moment} />
        <PlaceCard patient={data.key} moment={moment} />
      </div>
    </>
  );
}

/** What an alarm did stands among the events a moment later: they are asked for again. */
function useFreshEvents(): void {
  const { live } = useSession();
  const queries = useQueryClient();
  const version = useWatched(live.alarmVersion);
  useEffect(() => {
    const timer = setTimeout(() => void queries.invalidateQueries({ queryKey: ["events"] }), STORED_MS);
    return () => {
      clearTimeout(timer);
    };
  }, [queries, version]);
}

/** Every waveform of this patient at its own rate; the streams, sorted, as one text. */
function useWaveforms({ key, devices, ward }: Patient): string {
  const { live, ward: shown, chooseWard } = useSession();
  const streams = [...new Set(devices.flatMap((device) => device.streams.map(({ stream }) => stream)))].sort().join(" ");
  const subscribe = useEffectEvent(() => live.subscribe({ patients: [key], what: ["waveforms", "beats"], streams: streams.split(" ") }));
  useEffect(() => (streams === "" ? undefined : subscribe()), [live, key, streams]);
  const own = ward?.key ?? null;
  const follow = useEffectEvent(() => {
    // vital signs and alarms come with the ward: it must be the one of this patient
    if (own !== null && own !== shown) chooseWard(own);
  });
  useEffect(() => {
    follow();
  }, [own]);
  return streams;
}

function usePatientKeys(patient: string, alarm: string | null): void {
  const acknowledge = useAcknowledge();
  const pause = usePause();
  const [, navigate] = useLocation();
  const press = useEffectEvent((event: KeyboardEvent) => {
    if (isTyping(event)) return;
    switch (event.key) {
      case "Escape":
        navigate("/ward");
        return;
      case "a":
      case "A":
        if (alarm !== null) acknowledge.mutate(alarm);
        return;
      case "p":
      case "P":
        pause.mutate({ patient, minutes: 2 });
        return;
      default:
    }
  });
  useEffect(() => {
    document.addEventListener("keydown", press);
    return () => {
      document.removeEventListener("keydown", press);
    };
  }, []);
}
