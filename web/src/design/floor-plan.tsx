import type { ReactNode } from "react";

import styles from "./floor-plan.module.css";

export interface PlanRoom {
  readonly id: number;
  readonly name: string;
  /** Corners in m; null where they are not known. */
  readonly outline: readonly (readonly number[])[] | null;
}

/** Where a place in m stands in the drawing, and how long a metre is there. */
export interface Scale {
  readonly at: (x: number, y: number) => readonly [number, number];
  readonly metre: number;
}

interface Properties {
  readonly rooms: readonly PlanRoom[];
  /** Number of the room to stand out. */
  readonly here?: number | null;
  readonly label: string;
  /** What is drawn over the rooms. */
  readonly children?: (scale: Scale) => ReactNode;
}

const WIDTH = 472; // of the drawing, in its own units
const EDGE = 10;
const HIGH = 260; // at most

/** The rooms of a floor seen from above: y grows upwards. */
export function FloorPlan({ rooms, here = null, label, children }: Properties) {
  const corners = rooms.flatMap(({ outline }) => outline ?? []);
  const [xs, ys] = [corners.map(([x = 0]) => x), corners.map(([, y = 0]) => y)];
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const metre = Math.min((WIDTH - 2 * EDGE) / Math.max(right - left, 1), HIGH / Math.max(high - low, 1));
  const at = (x: number, y: number): readonly [number, number] => [EDGE + (x - left) * metre, EDGE + (high - y) * metre];
  return (
    <svg className={styles["plan"]} viewBox={`0 0 ${String(2 * EDGE + (right - left) * metre)} ${String(2 * EDGE + (high - low) * metre)}`} role="img" aria-label={label}>
      {rooms.map((room) => (
        <Room key={room.id} room={room} at={at} here={room.id === here} />
      ))}
      {children?.({ at, metre })}
    </svg>
  );
}

function Room({ room, at, here }: { readonly room: PlanRoom; readonly at: Scale["at"]; readonly here: boolean }) {
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
