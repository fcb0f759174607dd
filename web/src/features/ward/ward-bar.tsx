import { BellOff, ChevronLeft, ChevronRight, Maximize, Plug, Pointer } from "lucide-react";

import { IconButton } from "../../design/button";
import type { Priority } from "../../design/marks";
import { Segments } from "../../design/segments";
import { texts } from "../../design/texts";
import { countAlarms } from "../../live/alarms";
import { PauseControl } from "../../session/pause-control";
import { useLinked, useServerNow, useSession, useWatched } from "../../session/session";
import { type Filter, SIZES } from "./beds";
import type { WardView } from "./ward-page";
import styles from "./ward-page.module.css";

const PRIORITIES: readonly Priority[] = ["high", "medium", "low"];
const UNKNOWN = "–";

interface Properties {
  readonly beds: number;
  readonly view: WardView;
  readonly page: number;
  readonly pages: number;
  /** Another order waits until nobody points. */
  readonly held: boolean;
}

export function WardBar({ beds, view, page, pages, held }: Properties) {
  const { ward } = useSession();
  return (
    <div className={styles["bar"]}>
      <Filters beds={beds} view={view} />
      <div className={styles["rest"]}>
        {pages > 1 && <Pager page={page} pages={pages} onPage={view.setPage} />}
        <div className={styles["order"]}>
          <Segments
            label={texts.ward.order}
            value={view.order}
            onChange={view.setOrder}
            options={[
              { value: "priority", text: texts.ward.byPriority },
              { value: "bed", text: texts.ward.byBed },
            ]}
          />
          {held && (
            <span className={styles["held"]} role="img" aria-label={texts.ward.held} title={texts.ward.held} data-testid="order-held">
              <Pointer size={13} strokeWidth={2} aria-hidden="true" />
            </span>
          )}
        </div>
        <Segments
          label={texts.ward.shown}
          value={view.size}
          onChange={view.setSize}
          options={SIZES.map((size) => ({ value: size, text: String(size) }))}
        />
        {ward !== null && <PauseControl target={{ ward }} />}
        <IconButton label={texts.ward.fullScreen} onClick={() => void document.documentElement.requestFullscreen()}>
          <Maximize size={18} strokeWidth={1.8} aria-hidden="true" />
        </IconButton>
      </div>
    </div>
  );
}

function Filters({ beds, view }: Pick<Properties, "beds" | "view">) {
  const { live } = useSession();
  const now = useServerNow();
  const linked = useLinked();
  useWatched(live.alarmVersion);
  const counts = linked && live.alarms.known ? countAlarms(live.alarms.all(), now) : null;
  const toggle = (filter: Filter): void => {
    view.setFilter(view.filter === filter ? "all" : filter);
  };
  return (
    <div className={styles["filters"]} role="group" aria-label={texts.ward.filter}>
      <button type="button" className={styles["filter"]} aria-pressed={view.filter === "all"} onClick={() => { view.setFilter("all"); }}>
        {texts.ward.all}
        <i>{beds}</i>
      </button>
      {PRIORITIES.map((priority) => (
        <button
          key={priority}
          type="button"
          className={styles["filter"]}
          data-priority={priority}
          data-testid={`count-${priority}`}
          aria-pressed={view.filter === priority}
          onClick={() => { toggle(priority); }}
        >
          <b aria-hidden="true">{texts.marks[priority]}</b>
          {texts.priorities[priority]}
          <i data-zero={counts?.[priority] === 0}>{counts?.[priority] ?? UNKNOWN}</i>
        </button>
      ))}
      <button type="button" className={styles["filter"]} data-testid="count-technical" aria-pressed={view.filter === "technical"} onClick={() => { toggle("technical"); }}>
        <Plug size={15} strokeWidth={1.8} aria-hidden="true" />
        {texts.ward.technical}
        <i>{counts?.technical ?? UNKNOWN}</i>
      </button>
      <button type="button" className={styles["filter"]} data-testid="count-quiet" aria-pressed={view.filter === "quiet"} onClick={() => { toggle("quiet"); }}>
        <BellOff size={15} strokeWidth={1.8} aria-hidden="true" />
        {texts.ward.quiet}
        <i>{counts?.quiet ?? UNKNOWN}</i>
      </button>
    </div>
  );
}

function Pager({ page, pages, onPage }: { readonly page: number; readonly pages: number; readonly onPage: (page: number) => void }) {
  return (
    <nav className={styles["pager"]} aria-label={texts.ward.pages}>
      <IconButton label={texts.ward.page(page - 1, pages)} disabled={page <= 1} onClick={() => { onPage(page - 1); }}>
        <ChevronLeft size={18} aria-hidden="true" />
      </IconButton>
      {page} / {pages}
      <IconButton label={texts.ward.page(page + 1, pages)} disabled={page >= pages} onClick={() => { onPage(page + 1); }}>
        <ChevronRight size={18} aria-hidden="true" />
      </IconButton>
    </nav>
  );
}
