import type { FloorRoom } from "../../api/queries";
import { Card, CardHead } from "../../design/card";
import { formatValue } from "../../design/format/numbers";
import { formatAge } from "../../design/format/times";
import { texts } from "../../design/texts";
import { type Moment, readVital } from "../../session/readings";
import { useRoom } from "../../session/use-room";
import styles from "./place-card.module.css";
import { type Dot, PlacePlan } from "./place-plan";
import { RoomsToday } from "./rooms-today";

interface Properties {
  readonly patient: string;
  readonly moment: Moment;
}

/** Where the patient is: the room in words, and a small plan where rooms have outlines. */
export function PlaceCard({ patient, moment }: Properties) {
  const { room, reading, floor } = useRoom(moment, patient);
  const [x, y, within] = (["position_x", "position_y", "position"] as const).map((measure) => readVital(moment, patient, measure, [], []));
  if (!moment.live.vitals.measures(patient).includes("position_x")) return null;
  const radius = within?.value ?? null;
  const dot: Dot | null = x?.value == null || y?.value == null || radius === null ? null : { x: x.value, y: y.value, within: radius };
  const name = room === null ? texts.place.unknown : texts.place.room(room.name, reading.state === "unsure");
  const age = x?.ageS ?? null;
  const facts = [name, radius === null ? null : texts.place.within(formatValue(radius, 1)), age === null ? null : texts.place.ago(formatAge(age))];
  return (
    <Card label={texts.place.title} className={styles["card"] ?? ""} id="place" data-testid="place">
      <CardHead title={texts.place.title}>
        <span className={styles["facts"]} data-testid="place-facts">
          {dot === null ? texts.place.unknown : facts.filter((fact) => fact !== null).join(" · ")}
        </span>
      </CardHead>
      <PlaceBody dot={dot} floor={floor} here={room} />
      <RoomsToday patient={patient} nowMs={moment.nowMs} />
    </Card>
  );
}

function PlaceBody({ dot, floor, here }: { readonly dot: Dot | null; readonly floor: readonly FloorRoom[]; readonly here: FloorRoom | null }) {
  if (dot === null) return <p className={styles["empty"]}>{texts.place.none}</p>;
  if (floor.length === 0) return null;
  if (!floor.some(({ outline }) => outline !== null)) return <p className={styles["empty"]}>{texts.place.noPlan}</p>;
  return <PlacePlan dot={dot} floor={floor} here={here} />;
}
