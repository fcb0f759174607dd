import type { FloorRoom } from "../../api/queries";
import { formatValue } from "../../design/format/numbers";
import { texts } from "../../design/texts";
import styles from "./place-card.module.css";

export interface Dot {
  readonly x: number;
  readonly y: number;
  /** Radius in m that holds the place. */
  readonly within: number;
}

interface Properties {
  readonly dot: Dot;
  readonly floor: readonly FloorRoom[];
  readonly here: FloorRoom | null;
}

const WIDTH = 472; // of the drawing, in its own units
const EDGE = 10;
const HIGH = 260; // at most

/** The rooms of a floor with the patient's place, seen from above: y grows upwards. */
export function PlacePlan({ dot, floor, here }: Properties) {
  const corners = floor.flatMap(({ outline }) => outline ?? []);
  const [xs, ys] = [corners.map(([x = 0]) => x), corners.map(([, y = 0]) => y)];
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const scale = Math.min((WIDTH - 2 * EDGE) / Math.max(right - left, 1), HIGH / Math.max(high - low, 1));
  const at = (x: number, y: number): readonly [number, number] => [EDGE + (x - left) * scale, EDGE + (high - y) * scale];
  const [dotX, dotY] = at(dot.x, dot.y);
  const label = texts.place.plan(here?.name ?? texts.place.unknown, formatValue(dot.within, 1));
  return (
    <svg className={styles["plan"]} viewBox={`0 0 ${String(2 * EDGE + (right - left) * scale)} ${String(2 * EDGE + (high - low) * scale)}`} role="img" aria-label={label}>
      {floor.map((room) => (
        <Room key={room.id} room={room} at={at} here={room.id === here?.id} />
      ))}
      <circle className={styles["within"]} cx={dotX} cy={dotY} r={Math.max(dot.within * scale, 8)} />
      <circle className={styles["dot"]} cx={dotX} cy={dotY} r={6} />
    </svg>
  );
}

function Room({ room, at, here }: { readonly room: FloorRoom; readonly at: (x: number, y: number) => readonly [number, number]; readonly here: boolean }) {
  const points = (room.outline ?? []).map(([x = 0, y = 0]) => at(x, y));
  if (points.length === 0) return null;
  const [left, top] = [Math.min(...points.map(([x]) => x)), Math.min(...points.map(([, y]) => y))];
  return (
    <g data-here={here || undefined} className={styles["room"]}>
      <polygon points={points.map((point) => point.join(",")).join(" ")} />
      <text x={left + 8} y={top + 17}>
        {room.name}
      </text>
    </g>
  );
}
