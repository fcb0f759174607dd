/** The stored signals of a view: pieces of each stream, and the beats on them. */
import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";

import { beatsQuery, type PieceRange, waveformQuery } from "../../api/queries";
import type { StreamKey } from "../../api/types";
import { useSession } from "../../session/session";
import type { ReviewLane } from "./review-lanes";
import { channelOf, extentOf, gapsOf, piecesOf, type Stretch, stretchesOf, type View } from "./review-data";
import { marksOf } from "./marks";
import type { Mark, StripLane } from "./review-drawing";

export interface StoredLane extends StripLane {
  readonly stream: StreamKey;
  readonly name: string;
  readonly channel: string | null;
}

export interface StoredSignals {
  readonly lanes: readonly StoredLane[];
  readonly marks: readonly Mark[];
  readonly loading: boolean;
  readonly failed: boolean;
  readonly again: () => void;
}

/** `knownMs`: what is later cannot be stored yet and is not missing. */
export function useStoredSignals(patient: string, lanes: readonly ReviewLane[], view: View, at: { readonly nowMs: number; readonly knownMs: number; readonly enabled: boolean }): StoredSignals {
  const { api } = useSession();
  const pieces = piecesOf(view, at.nowMs);
  const asked = lanes.flatMap((lane) => pieces.map((piece) => ({ lane, piece })));
  const answers = useQueries({
    queries: asked.map(({ lane, piece }) => ({ ...waveformQuery(api, { patient, ...piece }, lane.stream), enabled: at.enabled, placeholderData: keepPreviousData })),
  });
  const beats = useQuery({ ...beatsQuery(api, wholeOf(patient, pieces)), enabled: at.enabled && pieces.length > 0, placeholderData: (before) => before });
  const shown: View = { fromMs: view.fromMs, toMs: Math.min(view.toMs, at.knownMs) };
  const stored = lanes.map((lane): StoredLane => {
    const own = answers.filter((_, index) => asked[index]?.lane === lane);
    const stretches: Stretch[] = [];
    let channel: string | null = null;
    for (const { data } of own) {
      if (data === undefined) continue;
      channel ??= channelOf(data, lane.channels);
      stretches.push(...stretchesOf(data, lane.channels));
    }
    // what stood before stays until the answer is there; only the answer can say what is missing
    const whole = own.every(({ isSuccess, isPlaceholderData }) => isSuccess && !isPlaceholderData);
    stretches.sort((one, other) => one.startMs - other.startMs);
    return { ...lane, channel, stretches, gaps: whole ? gapsOf(stretches, shown) : [], extent: extentOf(stretches, shown) };
  });
  const paper = answers.filter((_, index) => asked[index]?.lane.paper === true);
  const senders = new Set(paper.flatMap(({ data }) => data?.device ?? []));
  return {
    lanes: stored,
    marks: marksOf(beats.data ?? [], senders),
    loading: answers.some(({ data }) => data === undefined),
    failed: answers.some(({ isError }) => isError),
    again: () => {
      for (const answer of answers) if (answer.isError) void answer.refetch();
    },
  };
}

function wholeOf(patient: string, pieces: readonly PieceRangeOf[]): PieceRange {
  const last = pieces.at(-1);
  return { patient, fromMs: pieces[0]?.fromMs ?? 0, toMs: last?.toMs ?? 0, asOfMs: last?.asOfMs ?? null };
}

type PieceRangeOf = Omit<PieceRange, "patient">;
