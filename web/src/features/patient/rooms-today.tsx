import { useQuery } from "@tanstack/react-query";

import { roomsQuery } from "../../api/queries";
import { formatStay } from "../../design/format/times";
import { texts } from "../../design/texts";
import { useSession } from "../../session/session";
import { dayStart, shareOf } from "./day-rooms";
import styles from "./place-card.module.css";

const MOST = 6; // what follows is told as a number

/** How long the patient was in which room since midnight of the screen's zone. */
export function RoomsToday({ patient, nowMs }: { readonly patient: string; readonly nowMs: number }) {
  const { api } = useSession();
  const { data, isError } = useQuery({ ...roomsQuery(api, patient, dayStart(nowMs)), enabled: !Number.isNaN(nowMs) });
  if (data === undefined) return isError ? <p className={styles["empty"]}>{texts.place.roomsFailed}</p> : null;
  if (data.items.length === 0) return null;
  const rest = data.items.slice(MOST);
  return (
    <section className={styles["today"]} aria-label={texts.place.today} data-testid="rooms-today">
      <h4>{texts.place.today}</h4>
      <dl>
        {data.items.slice(0, MOST).map((room) => (
          <div key={room.id} style={{ "--share": shareOf(room.seconds, data.items) }}>
            <dt>{room.name}</dt>
            <dd>{formatStay(room.seconds)}</dd>
          </div>
        ))}
      </dl>
      {rest.length > 0 && <p>{texts.place.moreRooms(rest.length, formatStay(rest.reduce((sum, { seconds }) => sum + seconds, 0)))}</p>}
      <p>{texts.place.known(formatStay(data.known_s), formatStay((nowMs - dayStart(nowMs)) / 1000))}</p>
    </section>
  );
}
