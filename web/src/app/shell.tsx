import { type ReactNode, useEffect, useState } from "react";

import { texts } from "../design/texts";
import { tellHour } from "../design/theme";
import { useSession } from "../session/session";
import { AlarmRelay } from "./alarm-relay";
import { KeyList } from "./key-list";
import { LostNotice, SoundNotice } from "./link-notices";
import { Rail, TabBar } from "./navigation";
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
  const { live } = useSession();
  useEffect(() => {
    tellHour(() => {
      const now = live.clock.now();
      return (Number.isNaN(now) ? new Date() : new Date(now)).getHours();
    });
  }, [live]);
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
      <TabBar />
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
