import { Pause, Play, WifiOff } from "lucide-react";
import { type ReactNode, useEffect, useEffectEvent, useMemo, useState } from "react";

import { Button } from "../../design/button";
import { formatTimeOfDay } from "../../design/format/times";
import { isTyping } from "../../design/keys";
import { QualityBars } from "../../design/marks";
import { Segments } from "../../design/segments";
import { texts } from "../../design/texts";
import { useWindowSize } from "../../design/use-window-size";
import { LiveTrace } from "../../session/live-trace";
import { type Moment, qualityOf } from "../../session/readings";
import styles from "./live-signals.module.css";
import { type Gain, GAINS, type PatientLane, patientLanes, type Speed, SPEEDS } from "./patient-lanes";

const PHONE_PX = 700;
const PHONE_LANES = 3;
const RESUME_MS = 60_000; // nobody looks at a frozen trace for longer without touching it
const SILENT_S = 10;

interface Properties {
  readonly patient: string;
  readonly streams: string;
  readonly moment: Moment;
}

export function LiveSignals({ patient, streams, moment }: Properties) {
  const [speed, setSpeed] = useState<Speed>(25);
  const [gain, setGain] = useState<Gain>(10);
  const phone = useWindowSize().width <= PHONE_PX;
  const lanes = useMemo(
    () => patientLanes(new Set(streams.split(" ")), speed, gain, phone ? PHONE_LANES : undefined),
    [streams, speed, gain, phone],
  );
  const looks = useMemo(() => lanes.map((lane) => lane.look), [lanes]);
  const freeze = useFreeze(moment.nowMs);
  return (
    <section className={styles["card"]} aria-label={texts.patient.liveSignals} data-frozen={freeze.atMs !== null}>
      <div className={styles["tools"]}>
        <Button size="small" aria-pressed={freeze.atMs !== null} data-testid="freeze" onClick={freeze.toggle}>
          {freeze.atMs === null ? <Pause size={15} aria-hidden="true" /> : <Play size={15} aria-hidden="true" />}
          {freeze.atMs === null ? texts.patient.freeze : texts.patient.resume}
          <kbd>Space</kbd>
        </Button>
        {freeze.atMs !== null && <span className={styles["frozen"]}>{texts.patient.frozen(formatTimeOfDay(freeze.atMs))}</span>}
        <span className={styles["space"]} />
        <span className={styles["unit"]}>mm/s</span>
        <Segments small label={texts.patient.speed} value={speed} onChange={setSpeed} options={SPEEDS.map((value) => ({ value, text: String(value) }))} />
        <span className={styles["gain"]}>
          <span className={styles["unit"]}>mm/mV</span>
          <Segments small label={texts.patient.gain} value={gain} onChange={setGain} options={GAINS.map((value) => ({ value, text: String(value) }))} />
        </span>
      </div>
      {lanes.length === 0 ? (
        <p className={styles["none"]}>{texts.patient.noStreams}</p>
      ) : (
        <Lanes patient={patient} lanes={lanes} moment={moment}>
          <LiveTrace patient={patient} lanes={looks} label={texts.patient.canvas} testId="live-canvas" frozen={freeze.atMs !== null} />
        </Lanes>
      )}
    </section>
  );
}

interface LanesProperties {
  readonly patient: string;
  readonly lanes: readonly PatientLane[];
  readonly moment: Moment;
  readonly children: ReactNode;
}

function Lanes({ patient, lanes, moment, children }: LanesProperties) {
  const rows = lanes.map((lane) => `minmax(0, ${String(lane.share)}fr)`).join(" ");
  const { live, linked } = moment;
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
              <span>{scaleText(lane)}</span>
              <QualityBars bars={qualityOf(moment, patient, lane.quality)} />
            </div>
          );
        })}
      </div>
      <div className={styles["canvas"]} style={{ gridTemplateRows: rows }}>
        {lanes.map((lane) => (
          <i key={lane.stream}>
            {linked && !live.waves.isHeard(patient, lane.stream, SILENT_S) && <em>{texts.ward.waiting}</em>}
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

function scaleText(lane: PatientLane): string {
  const speed = `${String(lane.mmPerS)} mm/s`;
  if (lane.mmPerUnit === null) return `${speed} · ${texts.patient.auto}`;
  return `${speed} · ${String(lane.mmPerUnit)} mm/${lane.unit}`;
}

interface Freeze {
  /** Since when the trace stands still; null while it runs. */
  readonly atMs: number | null;
  readonly toggle: () => void;
}

/** Freeze stops the drawing, not the data; it ends by itself when nobody uses it. */
function useFreeze(nowMs: number): Freeze {
  const [atMs, setAtMs] = useState<number | null>(null);
  const toggle = (): void => {
    setAtMs((before) => (before === null ? nowMs : null));
  };
  const press = useEffectEvent((event: KeyboardEvent) => {
    if (event.code !== "Space" || isTyping(event)) return;
    if (event.target instanceof HTMLButtonElement) return;
    event.preventDefault();
    toggle();
  });
  useEffect(() => {
    document.addEventListener("keydown", press);
    return () => {
      document.removeEventListener("keydown", press);
    };
  }, []);
  const frozen = atMs !== null;
  useEffect(() => {
    if (!frozen) return undefined;
    const resume = (): void => {
      setAtMs(null);
    };
    let timer = setTimeout(resume, RESUME_MS);
    const used = (): void => {
      clearTimeout(timer);
      timer = setTimeout(resume, RESUME_MS);
    };
    document.addEventListener("pointermove", used);
    document.addEventListener("keydown", used);
    return () => {
      clearTimeout(timer);
      document.removeEventListener("pointermove", used);
      document.removeEventListener("keydown", used);
    };
  }, [frozen]);
  return { atMs, toggle };
}
