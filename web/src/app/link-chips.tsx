import { BellOff, Volume2, VolumeX, WifiOff } from "lucide-react";

import { Chip, ChipButton, Dot } from "../design/chip";
import { formatDuration } from "../design/format/times";
import { texts } from "../design/texts";
import { useServerNow, useSession, useWatched } from "../session/session";
import styles from "./shell.module.css";

/** Whether what is shown is live, late or lost. */
export function LinkChip() {
  const { live } = useSession();
  useWatched(live.tick);
  const link = useWatched(live.link);
  switch (link.state) {
    case "connecting":
      return (
        <Chip data-testid="link-state" data-state={link.state}>
          <Dot />
          {texts.link.connecting}
        </Chip>
      );
    case "live": {
      const age = live.silence().toFixed(1);
      return (
        <Chip look="live" data-testid="link-state" data-state={link.state} title={texts.link.title(age)}>
          <Dot />
          {texts.link.live}
          <span className={styles["long"]}>· {age} s</span>
        </Chip>
      );
    }
    case "delayed":
      return (
        <Chip look="warn" data-testid="link-state" data-state={link.state}>
          <Dot />
          {texts.link.delayed(link.delayS.toFixed(1))}
        </Chip>
      );
    case "lost":
      return (
        <Chip look="lost" data-testid="link-state" data-state={link.state}>
          <WifiOff size={16} aria-hidden="true" />
          {texts.link.lost(formatDuration(link.silentS))}
        </Chip>
      );
    default:
      return link.state satisfies never;
  }
}

/** Whether this screen can be heard. Never "on" unless the last self-test heard itself. */
export function SoundChip() {
  const { live, sound } = useSession();
  const now = useServerNow();
  const state = useWatched(sound.state);
  const link = useWatched(live.link);
  useWatched(live.alarmVersion);
  if (state === "blocked") {
    return (
      <ChipButton look="warn" data-testid="audio-state" data-state="blocked" title={texts.sound.turnOn} onClick={() => void sound.turnOn()}>
        <VolumeX size={16} aria-hidden="true" />
        <span className={styles["long"]}>{texts.sound.blocked}</span>
      </ChipButton>
    );
  }
  if (link.state === "lost") {
    return (
      <Chip look="warn" data-testid="audio-state" data-state="lost">
        <VolumeX size={16} aria-hidden="true" />
        <span className={styles["long"]}>{texts.sound.lost}</span>
      </Chip>
    );
  }
  const pausedUntil = live.alarms.pausedUntil(now);
  if (pausedUntil !== null) {
    return (
      <Chip data-testid="audio-state" data-state="paused">
        <BellOff size={16} aria-hidden="true" />
        <span className={styles["long"]}>{texts.sound.paused(formatDuration((pausedUntil - now) / 1000))}</span>
      </Chip>
    );
  }
  return (
    <Chip data-testid="audio-state" data-state="on" title={texts.sound.on}>
      <Volume2 size={16} aria-hidden="true" />
      <span className={styles["long"]}>{texts.sound.on}</span>
    </Chip>
  );
}
