import { useQuery } from "@tanstack/react-query";

import { beatsQuery } from "../../api/queries";
import { texts } from "../../design/texts";
import { useWidth } from "../../design/use-width";
import { useSession } from "../../session/session";
import styles from "./frozen-beats.module.css";
import { countsOf, marksOf, placedMarks } from "./marks";

/** The beats of the newest seconds are found, judged and stored within this time. */
const JUDGED_MS = 15_000;
const AGAIN_MS = 5_000;

export interface FrozenEcg {
  readonly hz: number;
  readonly pen: number;
  /** The device that sent it, as far as is known. */
  readonly device: string | null;
}

interface Properties {
  readonly patient: string;
  readonly ecg: FrozenEcg;
  readonly nowMs: number;
  readonly pxPerS: number;
  /** Share of the ECG's lane, from the top. */
  readonly share: number;
}

/** Under the ECG that stands still: the class of each beat, as the server has judged it. */
export function FrozenBeats({ patient, ecg, nowMs, pxPerS, share }: Properties) {
  const { api } = useSession();
  const [area, width] = useWidth<HTMLDivElement>();
  const penMs = Math.round((ecg.pen * 1000) / ecg.hz);
  const piece = { patient, fromMs: Math.floor(penMs - (width / pxPerS) * 1000), toMs: penMs, asOfMs: penMs };
  const { data } = useQuery({ ...beatsQuery(api, piece), enabled: width > 0, refetchInterval: nowMs - penMs < JUDGED_MS ? AGAIN_MS : false });
  const marks = marksOf(data ?? [], new Set(ecg.device === null ? [] : [ecg.device]));
  const placed = width > 0 ? placedMarks(marks, { hz: ecg.hz, pen: ecg.pen, width, pxPerS }) : [];
  const told = [...countsOf(placed)].map(([letter, n]) => texts.review.counts(letter, n)).join(", ");
  return (
    <div ref={area} className={styles["area"]} style={{ blockSize: `${(share * 100).toFixed(3)}%` }} role="img" aria-label={told === "" ? texts.patient.noBeats : told} data-testid="frozen-beats">
      {placed.map(({ atMs, letter, x }) => (
        <b key={atMs} data-letter={letter} style={{ insetInlineStart: `${x.toFixed(1)}px` }}>
          {letter}
        </b>
      ))}
    </div>
  );
}
