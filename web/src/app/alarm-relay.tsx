/** Brings the alarms of the ward to the whole page: stores, sound and screen readers. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";

import { alarmsQuery } from "../api/queries";
import { alarmMessage } from "../design/format/alarm-text";
import hidden from "../design/hidden.module.css";
import { texts } from "../design/texts";
import type { Alarm } from "../live/messages";
import { useSession, useWatched } from "../session/session";

const SPEAK_MS = 3000; // at most one message in this time

export function AlarmRelay() {
  const { ward } = useSession();
  return (
    <>
      {ward !== null && <WardFeed ward={ward} />}
      <Sound />
      <Announcer />
    </>
  );
}

/** Vital signs and alarms of the ward, whatever page is open. */
function WardFeed({ ward }: { readonly ward: string }) {
  const { api, live } = useSession();
  const epoch = useWatched(live.epoch);
  useEffect(() => live.subscribe({ ward, what: ["vitals", "alarms", "events"] }), [live, ward]);
  const { data } = useQuery({ ...alarmsQuery(api, ward, epoch), enabled: epoch > 0 });
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
  const worst = calling.find(({ kind }) => kind === "physiological") ?? calling[0];
  const priority = worst?.priority ?? null;
  useEffect(() => {
    sound.call(priority);
  }, [sound, priority]);
  useEffect(() => {
    const first = (): void => void sound.turnOn();
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

/** High alarms at once, the rest politely; once at onset and once when they worsen. */
function Announcer() {
  const { live, measures } = useSession();
  useWatched(live.alarmVersion);
  const link = useWatched(live.link);
  useWatched(live.tick);
  const [said, setSaid] = useState<Said>({ high: "", rest: "" });
  const told = useRef(new Map<string, Alarm["priority"]>());
  const spokenAt = useRef(0);

  const calling = live.alarms.known ? live.alarms.calling(live.clock.now()) : [];
  const fresh = calling.find((alarm) => told.current.get(alarm.id) !== alarm.priority);
  useEffect(() => {
    if (fresh === undefined || performance.now() - spokenAt.current < SPEAK_MS) return;
    told.current.set(fresh.id, fresh.priority);
    spokenAt.current = performance.now();
    const message = alarmMessage(fresh, measures.get(fresh.measure ?? "")?.decimals ?? 0);
    const text = texts.alarm.announce(texts.priorities[fresh.priority], fresh.bed ?? "", message);
    setSaid((before) => (fresh.priority === "high" ? { ...before, high: text } : { ...before, rest: text }));
  }, [fresh, measures]);

  const lost = link.state === "lost";
  const before = useRef(lost);
  useEffect(() => {
    if (lost === before.current) return;
    before.current = lost;
    spokenAt.current = performance.now();
    setSaid(lost ? { high: `${texts.link.lost("")}. ${texts.link.lostWhat}`, rest: "" } : { high: "", rest: texts.link.back });
  }, [lost]);

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
