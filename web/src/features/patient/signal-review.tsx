import { useQuery } from "@tanstack/react-query";
import { ChevronLeft, ChevronRight, ChevronsLeft, ChevronsRight } from "lucide-react";
import { useEffect, useEffectEvent, useRef } from "react";
import { Link } from "wouter";

import { eventsQuery } from "../../api/queries";
import { Button, IconButton } from "../../design/button";
import { useCalibration } from "../../design/calibration";
import { formatDay, formatDayTime, formatTimeOfDay } from "../../design/format/times";
import { isTyping } from "../../design/keys";
import { Loading } from "../../design/loading";
import { PriorityMark } from "../../design/marks";
import { PanelNotice } from "../../design/notice";
import { texts } from "../../design/texts";
import { useInSight } from "../../design/use-in-sight";
import { useWidth } from "../../design/use-width";
import { useServerNow, useSession } from "../../session/session";
import { countsOf } from "./marks";
import { BEHIND_MS, FRESH_MS } from "./review-data";
import { secondsIn } from "./review-drawing";
import { reviewLanes } from "./review-lanes";
import { ReviewStrip } from "./review-strip";
import styles from "./signal-review.module.css";
import { endText, type Happening, happenings } from "./trend-markers";
import { rangeUntil, useTrendRange } from "./trend-range";
import { type StoredSignals, useStoredSignals } from "./use-stored-signals";

const NEAR_MS = 1_500; // an event so near to the middle of the strip is the one that is shown
const LISTED = 60;

interface Properties {
  readonly patient: string;
  readonly streams: string;
  /** Middle of the strip; null follows the present. */
  readonly atMs: number | null;
  readonly onShow: (atMs: number | null) => void;
}

/** What was stored, at its true size: any time of the trends, and the newest strip otherwise. */
export function SignalReview({ patient, streams, atMs, onShow }: Properties) {
  const [area, width] = useWidth<HTMLDivElement>();
  const card = useRef<HTMLElement>(null);
  const inSight = useInSight(card);
  const nowMs = useServerNow();
  const { pxPerMm, measured } = useCalibration();
  const happened = useHappened(patient, nowMs);
  const spanMs = secondsIn(width, pxPerMm) * 1000;
  const knownMs = nowMs - BEHIND_MS;
  const newestMs = Math.floor(knownMs / FRESH_MS) * FRESH_MS - spanMs / 2;
  const middleMs = Math.min(atMs ?? newestMs, newestMs + FRESH_MS);
  const view = { fromMs: middleMs - spanMs / 2, toMs: middleMs + spanMs / 2 };
  const lanes = reviewLanes(new Set(streams.split(" ")));
  const signals = useStoredSignals(patient, lanes, view, { nowMs, knownMs, enabled: inSight && width > 0 && !Number.isNaN(nowMs) });
  const move = (byMs: number): void => {
    const next = middleMs + byMs;
    onShow(next >= newestMs + FRESH_MS ? null : next);
  };
  useEventKeys(happened, middleMs, onShow);
  return (
    <section ref={card} id="signals" className={styles["card"]} aria-label={texts.review.title} data-testid="signal-review" data-following={atMs === null}>
      <header className={styles["head"]}>
        <h2>{texts.review.title}</h2>
        <span className={styles["note"]} data-testid="strip-scale" title={measured ? undefined : texts.review.unmeasured}>
          {texts.review.scale(measured)}
          {leadText(signals)}
        </span>
        <Counts signals={signals} fromMs={view.fromMs} toMs={view.toMs} />
        <time className={styles["time"]} data-testid="strip-time">
          {formatDay(view.fromMs)} {formatTimeOfDay(view.fromMs)}–{formatTimeOfDay(view.toMs)}
        </time>
        <div className={styles["moves"]}>
          <IconButton label={texts.review.earlierStrip} onClick={() => { move(-spanMs); }}>
            <ChevronsLeft size={18} aria-hidden="true" />
          </IconButton>
          <IconButton label={texts.review.earlier} onClick={() => { move(-1000); }}>
            <ChevronLeft size={18} aria-hidden="true" />
          </IconButton>
          <IconButton label={texts.review.later} disabled={atMs === null} onClick={() => { move(1000); }}>
            <ChevronRight size={18} aria-hidden="true" />
          </IconButton>
          <IconButton label={texts.review.laterStrip} disabled={atMs === null} onClick={() => { move(spanMs); }}>
            <ChevronsRight size={18} aria-hidden="true" />
          </IconButton>
        </div>
        <Button size="small" aria-pressed={atMs === null} onClick={() => { onShow(null); }}>
          {texts.review.present}
        </Button>
        {!measured && (
          <Link className={styles["measure"]} href="/settings">
            {texts.review.measure}
          </Link>
        )}
      </header>
      <div className={styles["body"]}>
        <EventList happened={happened} nowMs={nowMs} middleMs={atMs === null ? null : middleMs} onShow={onShow} />
        <div ref={area} className={styles["area"]}>
          {lanes.length === 0 ? (
            <PanelNotice text={texts.review.noStreams} />
          ) : (
            <>
              <ReviewStrip strip={{ view, pxPerMm, lanes: signals.lanes, marks: signals.marks }} onMove={move} onPresent={() => { onShow(null); }} />
              <StripState signals={signals} following={atMs === null} onPresent={() => { onShow(null); }} />
            </>
          )}
        </div>
      </div>
    </section>
  );
}

/** Over the strip where there is nothing to see: why, and the one thing to do. */
function StripState({ signals, following, onPresent }: { readonly signals: StoredSignals; readonly following: boolean; readonly onPresent: () => void }) {
  if (signals.failed) {
    return (
      <div className={styles["state"]}>
        <PanelNotice failed text={texts.review.failed} action={<Button onClick={signals.again}>{texts.ward.tryAgain}</Button>} />
      </div>
    );
  }
  const empty = signals.lanes.every(({ extent }) => extent === null);
  if (!empty) return null;
  if (signals.loading) return <Loading className={styles["loading"]} />;
  return (
    <div className={styles["state"]}>
      <PanelNotice text={texts.review.empty} action={following ? undefined : <Button onClick={onPresent}>{texts.review.present}</Button>} />
    </div>
  );
}

function Counts({ signals, fromMs, toMs }: { readonly signals: StoredSignals; readonly fromMs: number; readonly toMs: number }) {
  const counts = countsOf(signals.marks.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs));
  return (
    <span className={styles["counts"]}>
      {[...counts].map(([letter, n]) => (
        <span key={letter} data-letter={letter} role="img" aria-label={texts.review.counts(letter, n)} title={texts.review.counts(letter, n)}>
          <b>{letter}</b> {n}
        </span>
      ))}
    </span>
  );
}

interface ListProperties {
  readonly happened: readonly Happening[];
  readonly nowMs: number;
  readonly middleMs: number | null;
  readonly onShow: (atMs: number) => void;
}

function EventList({ happened, nowMs, middleMs, onShow }: ListProperties) {
  const today = formatDay(nowMs);
  return (
    <div className={styles["list"]} role="region" aria-label={texts.review.events} tabIndex={0}>
      {happened.length === 0 && <p>{texts.review.noEvents}</p>}
      <ol>
        {happened.slice(0, LISTED).map((happening) => (
          <li key={happening.id}>
            <button
              type="button"
              data-lasted={happening.endMs !== null || undefined}
              aria-current={middleMs !== null && Math.abs(happening.atMs - middleMs) < NEAR_MS ? "true" : undefined}
              onClick={() => {
                onShow(happening.atMs);
              }}
            >
              <time title={formatDayTime(happening.atMs)}>{formatDay(happening.atMs) === today ? formatTimeOfDay(happening.atMs) : formatDayTime(happening.atMs)}</time>
              {happening.priority === null ? <i className={styles["dot"]} /> : <PriorityMark priority={happening.priority} />}
              <span>
                {happening.text}
                {happening.endMs !== null && <small>{endText(happening)}</small>}
              </span>
            </button>
          </li>
        ))}
      </ol>
    </div>
  );
}

function leadText({ lanes }: StoredSignals): string {
  const ecg = lanes.find(({ paper }) => paper);
  return ecg?.channel == null ? "" : ` · ${ecg.name} ${ecg.channel}`;
}

/** The events of the range that the trends show, the latest first. */
function useHappened(patient: string, nowMs: number): Happening[] {
  const { api, measures } = useSession();
  const [key] = useTrendRange();
  const known = !Number.isNaN(nowMs);
  const range = known ? rangeUntil(nowMs, key) : { fromMs: 0, toMs: 0 };
  const { data } = useQuery({ ...eventsQuery(api, { patient, ...range }), placeholderData: (before) => before, enabled: known });
  return happenings(data ?? [], (measure) => measures.get(measure)?.decimals ?? 0);
}

/** `[` and `]` go from event to event. */
function useEventKeys(happened: readonly Happening[], middleMs: number, onShow: (atMs: number) => void): void {
  const press = useEffectEvent((event: KeyboardEvent) => {
    if (isTyping(event)) return;
    if (event.key !== "[" && event.key !== "]") return;
    const target =
      event.key === "["
        ? happened.find(({ atMs }) => atMs < middleMs - NEAR_MS)
        : happened.findLast(({ atMs }) => atMs > middleMs + NEAR_MS);
    if (target !== undefined) onShow(target.atMs);
  });
  useEffect(() => {
    document.addEventListener("keydown", press);
    return () => {
      document.removeEventListener("keydown", press);
    };
  }, []);
}

