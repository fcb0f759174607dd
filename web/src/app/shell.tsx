import { LayoutGrid } from "lucide-react";
import { type ReactNode, useEffect, useState } from "react";
import { Link } from "wouter";

import { Logo } from "../design/logo";
import { texts } from "../design/texts";
import { useSession, useWatched } from "../session/session";
import { AlarmRelay } from "./alarm-relay";
import { KeyList } from "./key-list";
import { LostNotice, SoundNotice } from "./link-notices";
import styles from "./shell.module.css";
import { TopBar } from "./top-bar";
import { useAppKeys } from "./use-app-keys";

interface Properties {
  readonly children: ReactNode;
  /** The patient whose page this is. */
  readonly patient?: string;
}

/** What stands around every page: where one is, whether it lives, who is signed in. */
export function Shell({ children, patient }: Properties) {
  const [keysShown, setKeysShown] = useState(false);
  const full = useFullScreen();
  useAppKeys(() => {
    setKeysShown(true);
  });
  return (
    <div className={styles["shell"]} data-full={full}>
      <a className={styles["skip"]} href="#main">
        {texts.skip}
      </a>
      <Rail />
      <TopBar
        patient={patient ?? null}
        onShowKeys={() => {
          setKeysShown(true);
        }}
      />
      <main id="main" className={styles["main"]} tabIndex={-1}>
        <LostNotice />
        <SoundNotice />
        {children}
      </main>
      <AlarmRelay />
      {keysShown && (
        <KeyList
          onClose={() => {
            setKeysShown(false);
          }}
        />
      )}
    </div>
  );
}

function Rail() {
  return (
    <nav className={styles["rail"]} aria-label={texts.nav.main}>
      <Link className={styles["logo"]} href="/ward" aria-label={texts.nav.wardHome}>
        <Logo size={34} />
      </Link>
      <Link className={styles["item"]} href="/ward" data-on="true" aria-current="page">
        <LayoutGrid size={22} strokeWidth={1.8} aria-hidden="true" />
        <span>{texts.nav.ward}</span>
        <AlarmBadge />
      </Link>
    </nav>
  );
}

/** Alarms that call, over the way to the ward. */
function AlarmBadge() {
  const { live } = useSession();
  useWatched(live.alarmVersion);
  useWatched(live.tick);
  if (!live.alarms.known) return null;
  const calling = live.alarms.calling(live.clock.now());
  const worst = calling[0];
  if (worst === undefined) return null;
  return (
    <b className={styles["badge"]} data-priority={worst.priority}>
      {calling.length}
    </b>
  );
}

function useFullScreen(): boolean {
  const [full, setFull] = useState(document.fullscreenElement !== null);
  useEffect(() => {
    const look = (): void => {
      setFull(document.fullscreenElement !== null);
    };
    document.addEventListener("fullscreenchange", look);
    return () => {
      document.removeEventListener("fullscreenchange", look);
    };
  }, []);
  return full;
}
