import type { Device } from "../../api/device-queries";
import { Card, CardHead } from "../../design/card";
import { deviceTexts } from "../../design/texts-devices";
import { seenText } from "./device-list";
import styles from "./devices-page.module.css";
import { StateMark } from "./state-mark";

const words = deviceTexts.units;

interface Properties {
  readonly units: readonly Device[];
  readonly nowMs: number;
  readonly onChoose: (device: string) => void;
}

/** What speaks through a hub, and how each of it is. */
export function DeviceUnits({ units, nowMs, onChoose }: Properties) {
  return (
    <Card label={words.title}>
      <CardHead title={words.title} />
      {units.length === 0 ? (
        <p className={styles["quiet"]}>{words.none}</p>
      ) : (
        <ul className={styles["units"]}>
          {units.map((unit) => (
            <li key={unit.device}>
              <button type="button" onClick={() => { onChoose(unit.device); }}>
                <b>{unit.device.split("--").at(-1)}</b>
                <small>{unit.model}</small>
              </button>
              <StateMark device={unit} />
              <small>{seenText(unit, nowMs)}</small>
            </li>
          ))}
        </ul>
      )}
    </Card>
  );
}
