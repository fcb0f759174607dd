import { formatDayTime, formatTimeOfDay } from "../../design/format/times";
import { PriorityMark } from "../../design/marks";
import { texts } from "../../design/texts";
import { type Bar, endText, type Happening, type Marker } from "./trend-markers";
import styles from "./trends.module.css";

const LISTED = 6;

/** Events and alarms over the lanes; each leads to the signal of its time. */
export function TrendMarkers({ markers, bars, onOpen }: { readonly markers: readonly Marker[]; readonly bars: readonly Bar[]; readonly onOpen: (atMs: number) => void }) {
  return (
    <div className={styles["markers"]} role="group" aria-label={texts.patient.markers}>
      {bars.map(({ id, left, width }) => (
        <i key={id} className={styles["bar"]} style={{ insetInlineStart: `${left.toFixed(1)}px`, inlineSize: `${width.toFixed(1)}px` }} aria-hidden="true" />
      ))}
      {markers.map((marker) => (
        <button
          key={marker.lead.id}
          type="button"
          className={styles["marker"]}
          style={{ insetInlineStart: `${marker.x.toFixed(1)}px` }}
          data-priority={marker.lead.priority ?? undefined}
          data-technical={marker.lead.technical || undefined}
          title={marker.all.slice(0, LISTED).map(lineOf).join("\n")}
          aria-label={labelOf(marker)}
          onClick={() => {
            onOpen(marker.lead.atMs);
          }}
        >
          {marker.lead.priority === null ? <i className={styles["dot"]} /> : <PriorityMark priority={marker.lead.priority} />}
        </button>
      ))}
    </div>
  );
}

function lineOf(happening: Happening): string {
  return [`${formatTimeOfDay(happening.atMs)} ${happening.text}`, endText(happening)].filter((part) => part !== "").join(", ");
}

function labelOf({ lead, all }: Marker): string {
  const what = lead.priority === null ? lead.text : texts.ward.tileAlarm(texts.priorities[lead.priority], lead.technical, lead.text);
  const own = [texts.patient.marker(what, formatDayTime(lead.atMs)), endText(lead)].filter((part) => part !== "").join(", ");
  return all.length === 1 ? own : `${own}, ${texts.patient.markerMore(all.length - 1)}`;
}
