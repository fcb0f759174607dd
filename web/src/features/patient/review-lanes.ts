/** Which stored signals stand under one another in the review: the ECG on paper, the others fitted. */
import type { StreamKey } from "../../api/types";
import { texts } from "../../design/texts";
import { KINDS } from "./patient-lanes";

export interface ReviewLane {
  readonly stream: StreamKey;
  readonly name: string;
  readonly channels: readonly string[];
  readonly ink: string;
  readonly paper: boolean;
  readonly inverted: boolean;
}

const MOST_LANES = 4;

export function reviewLanes(available: ReadonlySet<string>): ReviewLane[] {
  return KINDS.filter(({ stream }) => available.has(stream))
    .slice(0, MOST_LANES)
    .map(({ stream, channels, ink, inverted }) => ({
      stream,
      name: texts.patient.lanes[stream] ?? stream,
      channels,
      ink,
      paper: stream === "ecg",
      inverted: inverted === true,
    }));
}
