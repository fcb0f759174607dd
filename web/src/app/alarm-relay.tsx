/** Brings the alarms of the ward to the whole page: stores, sound and screen readers. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";

import { alarmsQuery } from "../api/queries";
import { alarmMessage } from "../design/format/alarm-text";
import hidden from "../design/hidden.module.css";
import { texts } from "../design/texts";
import { Announcer } from "../live/announcer";
import { useSession, useWatched } from "../session/session";

export function AlarmRelay() {
  const { ward } = useSession();
  return (
    <>
      {ward !== null && <WardFeed ward={ward} />}
      <Sound />
      <Announcements />
    </>
  );
}

const WHO_IS_WHERE = ["ward", "patients", "patient"] as const;

/** Vital signs and alarms of the ward, whatever page is open. */
function WardFeed({ ward }: { readonly ward: string }) {
  const { api, live } = useSession();
  const epoch = useWatched(live.epoch);
  useEffect(() => live.subscribe({ ward, what: ["vitals", "alarms", "events"] }), [live, ward]);
  const { data } = useQuery({ ...alarmsQuery(api, ward, epoch), enabled: epoch > 0 });
  const queries = useQueryClient();
  useEffect(
    () =>
      live.residents.subscribe(() => {
        for (const list of WHO_IS_WHERE) void queries.invalidateQueries({ queryKey: [list] });
        live.reload(); // the alarms of who came
      }),
    [live, queries],
  );
  useEffect(() => {
    if (data !== undefined) live.loadAlarms(ward, data);
  }, [live, ward, data]);
  return null;
}

function Sound() {
  const { live, sound } = useSession();
  useWatched(live.alarmVersion);
  useWatched(live.tick);
  const calling = live.alarms.calling(live.clock.now());
  // a screen that cannot alarm says so by sound, too
  const lost = useWatched(live.link).state === "lost";
  const priority = lost ? "medium" : (calling[0]?.priority ?? null);
  useEffect(() => {
    sound.call(priority);
  }, [sound, priority]);
  useEffect(() => {
    const first = (): void => void sound.turnOn();
    // whoever signed in has just made the gesture that browsers want
    if (navigator.userActivation.hasBeenActive) first();
    document.addEventListener("pointerdown", first, { once: true });
    document.addEventListener("keydown", first, { once: true });
    return () => {
      document.removeEventListener("pointerdown", first);
      document.removeEventListener("keydown", first);
    };
  }, [sound]);
  return null;
}

interface Said {
  readonly high: string;
  readonly rest: string;
}

/** High alarms at once, the rest politely; and when the link goes and comes. */
function Announcements() {
  const { live, measures } = useSession();
  const [said, setSaid] = useState<Said>({ high: "", rest: "" });
  useEffect(() => {
    const announcer = new Announcer();
    let lost = false;
    const speak = (): void => {
      const isLost = live.link.get().state === "lost";
      if (isLost !== lost) {
        lost = isLost;
        setSaid(lost ? { high: texts.link.lostSpoken, rest: "" } : { high: "", rest: texts.link.back });
        return;
      }
      const calling = live.alarms.known ? live.alarms.calling(live.clock.now()) : [];
      const alarm = announcer.next(calling, performance.now());
      if (alarm === null) return;
      const message = alarmMessage(alarm, measures.get(alarm.measure ?? "")?.decimals ?? 0);
      const text = texts.alarm.announce(texts.priorities[alarm.priority], alarm.bed ?? "", message);
      setSaid((before) => (alarm.priority === "high" ? { ...before, high: text } : { ...before, rest: text }));
    };
    const leaves = [live.tick, live.alarmVersion, live.link].map((watched) => watched.subscribe(speak));
    return () => {
      for (const leave of leaves) leave();
    };
  }, [live, measures]);

  return (
    <>
      <div className={hidden["hidden"]} role="alert" data-testid="live-high">
        {said.high}
      </div>
      <div className={hidden["hidden"]} role="status" data-testid="live-rest">
        {said.rest}
      </div>
    </>
  );
}
