import { useState } from "react";

import { Button } from "../../design/button";
import { calibrate, CARD_MM, useCalibration } from "../../design/calibration";
import { Card, CardHead } from "../../design/card";
import field from "../../design/field.module.css";
import { formatValue } from "../../design/format/numbers";
import { keysAreOn, turnKeys } from "../../design/keys";
import { isMotionReduced, reduceMotion } from "../../design/motion";
import { PageFrame } from "../../design/page-frame";
import { Segments } from "../../design/segments";
import { Tag } from "../../design/tag";
import { texts } from "../../design/texts";
import { settingTexts } from "../../design/texts-settings";
import { chooseTheme, type ThemeChoice, useTheme } from "../../design/theme";
import { useSession, useWatched } from "../../session/session";
import { SettingRow } from "./setting-row";
import styles from "./settings-page.module.css";

const THEMES: readonly ThemeChoice[] = ["auto", "dark", "light", "night"];
const PRIORITIES = ["high", "medium", "low"] as const;
const LEAST_CARD_PX = 160;
const MOST_CARD_PX = 700;

/** What belongs to this screen and to nobody: how it looks, moves, measures and sounds. */
export function SettingsPage() {
  return (
    <PageFrame title={settingTexts.title} note={settingTexts.note}>
      <div className={styles["column"]}>
        <ThisScreen />
        <Millimetre />
        <Sound />
      </div>
    </PageFrame>
  );
}

function ThisScreen() {
  const words = settingTexts.screen;
  const theme = useTheme();
  const [less, setLess] = useState(isMotionReduced);
  const [keys, setKeys] = useState(keysAreOn);
  return (
    <Card label={words.title}>
      <CardHead title={words.title} />
      <SettingRow name={words.theme} about={words.themeAbout}>
        <Segments label={words.theme} value={theme} onChange={chooseTheme} options={THEMES.map((value) => ({ value, text: words.themes[value] }))} />
      </SettingRow>
      <SettingRow name={words.motion} about={words.motionAbout}>
        <input
          type="checkbox"
          role="switch"
          className={field["switch"]}
          aria-label={words.motion}
          checked={less}
          onChange={(event) => {
            reduceMotion(event.target.checked);
            setLess(event.target.checked);
          }}
        />
      </SettingRow>
      <SettingRow name={words.keys} about={words.keysAbout}>
        <input
          type="checkbox"
          role="switch"
          className={field["switch"]}
          aria-label={words.keys}
          checked={keys}
          onChange={(event) => {
            turnKeys(event.target.checked);
            setKeys(event.target.checked);
          }}
        />
      </SettingRow>
    </Card>
  );
}

/** How many pixels a millimetre has: measured with a card that everybody carries. */
function Millimetre() {
  const words = settingTexts.millimetre;
  const { pxPerMm, measured } = useCalibration();
  const shown = formatValue(pxPerMm, 2);
  return (
    <Card label={words.title}>
      <CardHead title={words.title} aside={<Tag>{measured ? words.measured(shown) : words.assumed(shown)}</Tag>} />
      <div className={styles["millimetre"]}>
        <p>{words.about}</p>
        <div className={styles["room"]}>
          <div className={styles["card"]} style={{ width: pxPerMm * CARD_MM }} aria-hidden="true">
            {words.card}
          </div>
        </div>
        <input
          type="range"
          aria-label={words.width}
          aria-valuetext={words.measured(shown)}
          min={LEAST_CARD_PX}
          max={MOST_CARD_PX}
          step={0.5}
          value={pxPerMm * CARD_MM}
          onChange={(event) => { calibrate(Number(event.target.value) / CARD_MM); }}
        />
        <Button size="small" disabled={!measured} onClick={() => { calibrate(null); }}>
          {words.forget}
        </Button>
      </div>
    </Card>
  );
}

function Sound() {
  const words = settingTexts.sound;
  const { live, sound } = useSession();
  const state = useWatched(sound.state);
  useWatched(live.alarmVersion);
  useWatched(live.tick);
  const calls = live.alarms.known && live.alarms.calling(live.clock.now()).length > 0;
  return (
    <Card label={words.title}>
      <CardHead title={words.title} />
      <SettingRow name={words.state} about={state === "on" ? words.on : words.blocked}>
        <Button onClick={() => void sound.turnOn()}>{state === "on" ? words.again : texts.sound.turnOn}</Button>
      </SettingRow>
      <SettingRow name={words.test} about={calls ? words.testCalls : words.testAbout}>
        <span className={styles["buttons"]}>
          {PRIORITIES.map((priority) => (
            <Button key={priority} size="small" disabled={state !== "on" || calls} onClick={() => { sound.play(priority); }}>
              <b aria-hidden="true">{texts.marks[priority]}</b>
              {texts.priorities[priority]}
            </Button>
          ))}
        </span>
      </SettingRow>
    </Card>
  );
}
