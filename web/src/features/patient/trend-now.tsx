import { formatValue } from "../../design/format/numbers";
import { readVital } from "../../session/readings";
import { useLinked, useServerNow, useSession } from "../../session/session";
import type { Lane } from "./trend-board";
import { laneY } from "./trend-drawing";

const TEXT_PX = 12; // half of the number's height: it stays inside its lane

/** The value of now at the end of its lane, at the height of the line; dashes when it is old. */
export function TrendNow({ patient, lane, height }: { readonly patient: string; readonly lane: Lane; readonly height: number }) {
  const { live, measures } = useSession();
  const nowMs = useServerNow();
  const linked = useLinked();
  const { value } = readVital({ live, measures, nowMs, linked }, patient, lane.measure, [], []);
  const y = value === null || lane.data === null ? height / 2 : laneY(value, lane.scale, height);
  const top = Math.min(height - TEXT_PX, Math.max(TEXT_PX, y));
  return (
    <div style={{ "--ink": `var(${lane.vital.ink})` }} data-known={value !== null}>
      <b style={{ insetBlockStart: `${top.toFixed(0)}px` }} data-value>
        {formatValue(value, lane.decimals)}
      </b>
    </div>
  );
}
