import { MapPin, Plug, TriangleAlert, WifiOff } from "lucide-react";
import { useMemo } from "react";
import { Link } from "wouter";

import type { Bed, Patient, WardPatient } from "../../api/types";
import { AlarmBanner } from "../../design/alarm-banner";
import { ageInYears, formatTimeOfDay } from "../../design/format/times";
import { Battery, PriorityMark, QualityBars } from "../../design/marks";
import { Measure, type Reading, spokenValue } from "../../design/measure";
import { texts } from "../../design/texts";
import { LiveTrace } from "../../session/live-trace";
import { bannerAlarm, type Moment, qualityOf, rateMeasure, readVital } from "../../session/readings";
import { useRoom } from "../../session/use-room";
import type { BedView, Density } from "./beds";
import styles from "./patient-tile.module.css";
import { tileLanes } from "./tile-lanes";
import { traceState } from "./trace-state";

interface Properties {
  readonly view: BedView;
  readonly patient: WardPatient;
  readonly details: Patient | undefined;
  readonly density: Density;
  readonly short: boolean;
  readonly moment: Moment;
}

export function PatientTile({ view, patient, details, density, short, moment }: Properties) {
  const { bed, alarms } = view;
  const readings = readAll(view, patient, details, moment);
  const place = useRoom(moment, patient.key);
  const room = place.room === null ? null : texts.place.room(place.room.name, place.reading.state === "unsure");
  const worst = moment.linked ? (alarms[0] ?? null) : null;
  const banner = worst === null ? null : bannerAlarm(worst, moment.measures, moment.nowMs);
  return (
    <article
      className={styles["tile"]}
      data-testid={`tile-${bed.key}`}
      data-key={bed.key}
      data-alarm={worst?.id}
      data-density={density}
      data-priority={banner?.priority}
      data-loudness={banner?.loudness}
      data-technical={banner?.technical === true || undefined}
    >
      <Link className={styles["link"]} href={`/patient/${patient.key}`} aria-label={spoken(view, patient, readings, banner, room)} />
      <div className={styles["inside"]} aria-hidden="true">
        <TileHead bed={bed} patient={patient} details={details} moment={moment} />
        {banner === null ? (
          <TileContext view={view} room={room} readings={readings} moment={moment} />
        ) : (
          <AlarmBanner alarm={banner} brief={density === "s"} more={alarms.length - 1} testId={`banner-${bed.key}`} />
        )}
        <TileTraces view={view} patient={patient} density={density} short={short} moment={moment} leadOff={readings[0]?.reason === "lead_off"} />
        <div className={styles["numbers"]}>
          {readings.map((reading) => (
            <Measure key={reading.vital.key} reading={reading} look="cell" testId={`num-${TEST_NAMES[reading.vital.key] ?? reading.vital.key}-${bed.key}`} />
          ))}
        </div>
      </div>
    </article>
  );
}

const TEST_NAMES: Readonly<Record<string, string>> = {
  heart_rate: "hr",
  pulse_rate: "hr",
  respiration_rate: "rr",
  temperature: "temp",
};

function readAll(view: BedView, patient: WardPatient, details: Patient | undefined, moment: Moment): Reading[] {
  const rate = rateMeasure(moment, patient.key);
  const limits = details?.limits ?? [];
  return [rate, "spo2", "respiration_rate", "temperature"].map((measure) =>
    readVital(moment, patient.key, measure, view.alarms, limits),
  );
}

function TileHead({ bed, patient, details, moment }: Pick<Properties, "patient" | "details" | "moment"> & { readonly bed: Bed }) {
  const age = ageInYears(details?.birth_date ?? patient.birth_year, moment.nowMs);
  const facts = [sexLetter(patient.sex), age === null ? "" : String(age)].filter((fact) => fact !== "").join(" ");
  const batteries = (details?.devices ?? []).flatMap(({ battery_percent: percent }) => (percent === null ? [] : [percent]));
  return (
    <header className={styles["head"]}>
      <span className={styles["bed"]}>{bed.key}</span>
      <span className={styles["who"]}>
        {patient.initials}
        <small>{facts}</small>
      </span>
      <span className={styles["signs"]}>
        {!moment.linked && <WifiOff className={styles["warn"]} size={16} aria-hidden="true" />}
        <QualityBars bars={qualityOf(moment, patient.key, ["heart_rate", "pulse_rate", "spo2"])} />
        {batteries.length > 0 && <Battery percent={Math.round(Math.min(...batteries))} />}
      </span>
    </header>
  );
}

/** Where the alarm would stand: what was, when the link is lost; what is doubtful, otherwise. */
function TileContext({ view, room, readings, moment }: Pick<Properties, "view" | "moment"> & { readonly room: string | null; readonly readings: readonly Reading[] }) {
  const last = view.alarms[0];
  if (!moment.linked || !moment.live.alarms.known) {
    if (last === undefined) return <div className={styles["context"]}>{texts.ward.unknown}</div>;
    return (
      <div className={styles["context"]}>
        <PriorityMark priority={last.priority} outline />
        <span>{texts.ward.wasAlarm(bannerAlarm(last, moment.measures, moment.nowMs).text)}</span>
      </div>
    );
  }
  const unsure = readings.find(({ state }) => state === "unsure");
  return (
    <div className={styles["context"]}>
      {room !== null && (
        <span className={styles["place"]}>
          <MapPin size={14} aria-hidden="true" />
          {room}
        </span>
      )}
      {unsure !== undefined && (
        <em className={styles["doubt"]}>
          <TriangleAlert size={15} aria-hidden="true" />
          {unsure.vital.short}: {texts.measure.reasons[unsure.reason ?? ""] ?? texts.ward.lowQuality}
        </em>
      )}
    </div>
  );
}

const SILENT_S = 10;

type TracesProperties = Omit<Properties, "details"> & { readonly leadOff: boolean };

function TileTraces({ view, patient, density, short, moment, leadOff }: TracesProperties) {
  const streams = patient.devices.flatMap((device) => device.streams).sort().join(" ");
  const lanes = useMemo(() => tileLanes(density, new Set(streams.split(" ")), short), [density, streams, short]);
  const newestMs = moment.live.vitals.newestMs(patient.key);
  const heardMs = moment.live.vitals.heardMs(patient.key);
  const state = traceState({
    devices: patient.devices.length,
    linked: moment.linked,
    lanes: lanes.length,
    heard: lanes.some((lane) => moment.live.waves.isHeard(patient.key, lane.stream, SILENT_S)),
    stopped: view.alarms.some(({ condition, state: of }) => condition === "data_stopped" && of !== "cleared"),
    hadNumber: newestMs !== null,
    wordAgeS: heardMs === null ? null : (moment.nowMs - heardMs) / 1000,
    leadOff,
  });
  return (
    <div className={styles["traces"]}>
      <LiveTrace patient={patient.key} lanes={lanes} label={texts.patient.canvas} />
      {state === "no-device" && (
        <div className={styles["silent"]}>
          <Plug size={18} aria-hidden="true" />
          <span>{texts.ward.noDevice}</span>
        </div>
      )}
      {state === "no-data" && (
        <div className={styles["silent"]} data-solid="true">
          <WifiOff size={18} aria-hidden="true" />
          <b>{texts.ward.noData}</b>
          {newestMs !== null && <span>{texts.ward.lastAt(formatTimeOfDay(newestMs))}</span>}
        </div>
      )}
      {state === "waiting" && (
        <div className={styles["silent"]}>
          <span>{texts.ward.waiting}</span>
        </div>
      )}
      {state === "lead-off" && (
        <div className={styles["silent"]} data-half="true" style={{ "--part": lanes[0]?.height ?? 1 }}>
          <Plug size={18} aria-hidden="true" />
          <b>{texts.ward.leadOff}</b>
        </div>
      )}
    </div>
  );
}

export function FreeTile({ bed, density }: { readonly bed: Bed; readonly density: Density }) {
  return (
    <article className={styles["tile"]} data-free="true" data-density={density} data-testid={`tile-${bed.key}`} data-key={bed.key} aria-label={`${bed.label}, ${texts.ward.free}`}>
      <header className={styles["head"]}>
        <span className={styles["bed"]}>{bed.key}</span>
      </header>
      <div className={styles["free"]}>{texts.ward.free}</div>
    </article>
  );
}

function spoken(view: BedView, patient: WardPatient, readings: readonly Reading[], banner: ReturnType<typeof bannerAlarm> | null, room: string | null): string {
  const parts = [texts.ward.tile(view.bed.label, patient.initials)];
  if (banner !== null) {
    parts.push(texts.ward.tileAlarm(texts.priorities[banner.priority], banner.technical, banner.text));
  }
  return [...parts, ...readings.map(spokenValue), ...(room === null ? [] : [texts.place.in(room)])].join(", ");
}

function sexLetter(sex: string | null): string {
  return sex === null ? "" : sex.charAt(0).toUpperCase();
}
