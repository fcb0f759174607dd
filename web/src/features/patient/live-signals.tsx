import { Pause, Play, RulerDimensionLine, WifiOff } from "lucide-react";
import { type ReactNode, type RefObject, useEffect, useEffectEvent, useMemo, useRef, useState } from "react";

import { Button } from "../../design/button";
import { useCalibration } from "../../design/calibration";
import { formatDuration, formatTimeOfDay } from "../../design/format/times";
import { isTyping } from "../../design/keys";
import { QualityBars } from "../../design/marks";
import { Segments } from "../../design/segments";
import { texts } from "../../design/texts";
import { useWindowSize } from "../../design/use-window-size";
import { LiveTrace, type TraceHandle } from "../../session/live-trace";
import { type Moment, qualityOf } from "../../session/readings";
import { lastPeaks } from "./caliper";
import { type Caliper, CaliperLines } from "./caliper-lines";
import { FrozenBeats, type FrozenEcg } from "./frozen-beats";
import styles from "./live-signals.module.css";
import { type Gain, GAINS, type PatientLane, patientLanes, type Speed, SPEEDS } from "./patient-lanes";
import { useFreeze } from "./use-freeze";

const PHONE_PX = 700;
const PHONE_LANES = 3;
const SILENT_S = 10;

interface Properties {
  readonly patient: string;
  readonly streams: string;
  /** Whether the patient wears a device at all. */
  readonly worn: boolean;
  readonly moment: Moment;
}

export function LiveSignals({ patient, streams, worn, moment }: Properties) {
  const [speed, setSpeed] = useState<Speed>(25);
  const [gain, setGain] = useState<Gain>(10);
  const phone = useWindowSize().width <= PHONE_PX;
  const lanes = useMemo(
    () => patientLanes(new Set(streams.split(" ")), speed, gain, phone ? PHONE_LANES : undefined),
    [streams, speed, gain, phone],
  );
  const looks = useMemo(() => lanes.map((lane) => lane.look), [lanes]);
  const { pxPerMm } = useCalibration();
  const trace = useRef<TraceHandle>(null);
  const canvasWidth = useRef<HTMLDivElement>(null);
  const [caliper, setCaliper] = useState<Caliper | null>(null);
  const freeze = useFreeze(moment.nowMs, () => {
    setCaliper(null);
  });
  const fast = lanes.filter(({ mmPerS }) => mmPerS === speed); // they stand on top: one speed, one measure
  const pxPerS = pxPerMm * speed;
  const [frozenEcg, setFrozenEcg] = useState<FrozenEcg | null>(null);
  const ecgLane = lanes.findIndex(({ stream }) => stream === "ecg");
  const noteEcg = (): void => {
    const signal = ecgLane < 0 ? null : (trace.current?.signal(ecgLane) ?? null);
    setFrozenEcg(signal === null ? null : { hz: signal.hz, pen: signal.pen, device: moment.live.waves.get(patient, "ecg")?.device ?? null });
  };
  const toggleFreeze = (): void => {
    if (freeze.atMs === null) noteEcg();
    freeze.toggle();
  };
  const toggleCaliper = (): void => {
    const signal = fast.map((_, lane) => trace.current?.signal(lane) ?? null).find((known) => known !== null);
    if (caliper !== null || signal === undefined) {
      setCaliper(null);
      return;
    }
    if (freeze.atMs === null) noteEcg();
    freeze.start();
    const { hz, pen, ring } = signal;
    setCaliper({ hz, pen, lines: lastPeaks(ring, { hz, pen, width: canvasWidth.current?.clientWidth ?? 0, pxPerS }) });
  };
  useSignalKeys(toggleFreeze, toggleCaliper);
  const changeSpeed = (next: Speed): void => {
    setCaliper(null); // its places belong to the other sweep
    setSpeed(next);
  };
  return (
    <section className={styles["card"]} aria-label={texts.patient.liveSignals} data-frozen={freeze.atMs !== null}>
      <div className={styles["tools"]}>
        <Button size="small" aria-pressed={freeze.atMs !== null} data-testid="freeze" onClick={toggleFreeze}>
          {freeze.atMs === null ? <Pause size={15} aria-hidden="true" /> : <Play size={15} aria-hidden="true" />}
          {freeze.atMs === null ? texts.patient.freeze : texts.patient.resume}
          <kbd>Space</kbd>
        </Button>
        <Button size="small" className={styles["caliper"]} aria-pressed={caliper !== null} disabled={fast.length === 0} data-testid="caliper" onClick={toggleCaliper}>
          <RulerDimensionLine size={15} aria-hidden="true" />
          {texts.patient.caliper}
          <kbd>C</kbd>
        </Button>
        {freeze.atMs !== null && <span className={styles["frozen"]} role="status">{texts.patient.frozen(formatTimeOfDay(freeze.atMs))}</span>}
        <span className={styles["space"]} />
        <span className={styles["unit"]}>mm/s</span>
        <Segments small label={texts.patient.speed} value={speed} onChange={changeSpeed} options={SPEEDS.map((value) => ({ value, text: String(value) }))} />
        <span className={styles["gain"]}>
          <span className={styles["unit"]}>mm/mV</span>
          <Segments small label={texts.patient.gain} value={gain} onChange={setGain} options={GAINS.map((value) => ({ value, text: String(value) }))} />
        </span>
      </div>
      {lanes.length === 0 ? (
        <p className={styles["none"]}>{worn ? texts.patient.noStreams : texts.ward.noDevice}</p>
      ) : (
        <Lanes patient={patient} lanes={lanes} moment={moment} area={canvasWidth}>
          <LiveTrace patient={patient} lanes={looks} label={texts.patient.canvas} testId="live-canvas" frozen={freeze.atMs !== null} handle={trace} />
          {freeze.atMs !== null && frozenEcg !== null && ecgLane === 0 && (
            <FrozenBeats patient={patient} ecg={frozenEcg} nowMs={moment.nowMs} pxPerS={pxPerS} share={lanes[0]?.look.height ?? 0} />
          )}
          {caliper !== null && (
            <CaliperLines
              caliper={caliper}
              pxPerS={pxPerS}
              share={fast.reduce((sum, { look }) => sum + look.height, 0)}
              onMove={(lines) => {
                setCaliper({ ...caliper, lines });
              }}
              onClose={() => {
                setCaliper(null);
              }}
            />
          )}
        </Lanes>
      )}
    </section>
  );
}

interface LanesProperties {
  readonly patient: string;
  readonly lanes: readonly PatientLane[];
  readonly moment: Moment;
  readonly area: RefObject<HTMLDivElement | null>;
  readonly children: ReactNode;
}

function Lanes({ patient, lanes, moment, area, children }: LanesProperties) {
  const rows = lanes.map((lane) => `minmax(0, ${String(lane.share)}fr)`).join(" ");
  const { live, linked } = moment;
  const { measured } = useCalibration();
  return (
    <div className={styles["body"]}>
      <div className={styles["names"]} style={{ gridTemplateRows: rows }}>
        {lanes.map((lane) => {
          const wave = live.waves.get(patient, lane.stream);
          const channel = lane.look.channels.find((name) => wave?.channels.includes(name) === true);
          return (
            <div key={lane.stream} style={{ "--ink": `var(${lane.ink})` }}>
              <b>
                {texts.patient.lanes[lane.stream] ?? lane.stream}
                {lane.stream === "ecg" && channel !== undefined && ` ${channel}`}
              </b>
              <span>{scaleText(lane, measured)}</span>
              {lane.look.beats === true && <span>{texts.patient.beatsPending}</span>}
              <QualityBars bars={qualityOf(moment, patient, lane.quality)} />
            </div>
          );
        })}
      </div>
      <div ref={area} className={styles["canvas"]} style={{ gridTemplateRows: rows }}>
        {lanes.map((lane) => (
          <i key={lane.stream}>
            {linked && <LaneState text={laneText(moment, patient, lane.stream)} />}
          </i>
        ))}
        {children}
        {!linked && (
          <div className={styles["lost"]}>
            <WifiOff size={20} aria-hidden="true" />
            <b>{texts.ward.noData}</b>
          </div>
        )}
      </div>
    </div>
  );
}

function LaneState({ text }: { readonly text: string | null }) {
  return text === null ? null : <em>{text}</em>;
}

/** Why a lane has no signal; null while it has one. */
function laneText({ live }: Moment, patient: string, stream: string): string | null {
  const leadOff = stream === "ecg" && live.alarms.ofPatient(patient).some(({ condition, state }) => condition === "lead_off" && state !== "cleared");
  const silentS = live.waves.silenceS(patient, stream);
  if (leadOff) return texts.ward.leadOff;
  if (silentS === null) return texts.ward.waiting;
  return silentS < SILENT_S ? null : texts.patient.noDataFor(formatDuration(silentS));
}

/** On a screen that was not measured the millimetres are only about right, and it says so. */
function scaleText(lane: PatientLane, measured: boolean): string {
  const about = measured ? "" : "≈ ";
  const speed = `${about}${String(lane.mmPerS)} mm/s`;
  if (lane.mmPerUnit === null) return `${speed} · ${texts.patient.auto}`;
  return `${speed} · ${String(lane.mmPerUnit)} mm/${lane.unit}`;
}

function useSignalKeys(freeze: () => void, caliper: () => void): void {
  const press = useEffectEvent((event: KeyboardEvent) => {
    if (isTyping(event) || event.repeat) return;
    if (event.code === "Space") {
      if (event.target instanceof HTMLButtonElement || event.target instanceof HTMLAnchorElement) return;
      event.preventDefault();
      freeze();
    } else if (event.key === "c" || event.key === "C") caliper();
  });
  useEffect(() => {
    document.addEventListener("keydown", press);
    return () => {
      document.removeEventListener("keydown", press);
    };
  }, []);
}
