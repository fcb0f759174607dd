import { VolumeX, WifiOff } from "lucide-react";

import { Button } from "../design/button";
import { formatDuration } from "../design/format/times";
import { Notice } from "../design/notice";
import { texts } from "../design/texts";
import { useSession, useWatched } from "../session/session";

export function LostNotice() {
  const { live } = useSession();
  const link = useWatched(live.link);
  if (link.state !== "lost") return null;
  const retry = link.retryS === null || link.retryS === 0 ? texts.link.lostTrying : texts.link.lostRetry(link.retryS);
  return (
    <Notice
      lost
      icon={<WifiOff size={20} aria-hidden="true" />}
      title={texts.link.lostTitle(formatDuration(link.silentS))}
      text={`${texts.link.lostWhat} ${retry}`}
      action={
        <Button
          look="inherit"
          size="small"
          onClick={() => {
            live.retry();
          }}
        >
          {texts.link.tryNow}
        </Button>
      }
    />
  );
}

/** Shown while an alarm calls that cannot be heard here. */
export function SoundNotice() {
  const { live, sound } = useSession();
  const state = useWatched(sound.state);
  useWatched(live.alarmVersion);
  useWatched(live.tick);
  const calls = live.alarms.known && live.alarms.calling(live.clock.now()).length > 0;
  if (state === "on" || !calls) return null;
  return (
    <Notice
      icon={<VolumeX size={20} aria-hidden="true" />}
      title={texts.sound.blockedTitle}
      text={texts.sound.blockedWhat}
      action={
        <Button look="inherit" size="small" onClick={() => void sound.turnOn()}>
          {texts.sound.turnOn}
        </Button>
      }
    />
  );
}
