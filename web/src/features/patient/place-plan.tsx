import { useId } from "react";

import type { FloorRoom } from "../../api/queries";
import { FloorPlan } from "../../design/floor-plan";
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

/** The rooms of a floor with the patient's place. */
export function PlacePlan({ dot, floor, here }: Properties) {
  const inside = useId();
  const label = texts.place.plan(here?.name ?? texts.place.unknown, formatValue(dot.within, 1));
  return (
    <FloorPlan rooms={floor} here={here?.id ?? null} label={label}>
      {({ at, metre }) => {
        const [x, y] = at(dot.x, dot.y);
        return (
          <>
            {/* nobody is beyond the walls: the circle ends there */}
            <clipPath id={inside}>
              {floor.map(({ id, outline }) => (outline === null ? null : <path key={id} d={`M${outline.map(([left = 0, up = 0]) => at(left, up).join(",")).join("L")}Z`} />))}
            </clipPath>
            <circle className={styles["within"]} clipPath={`url(#${inside})`} cx={x} cy={y} r={Math.max(dot.within * metre, 8)} />
            <circle className={styles["dot"]} cx={x} cy={y} r={6} />
          </>
        );
      }}
    </FloorPlan>
  );
}
