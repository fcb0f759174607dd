import type { Device } from "../../api/device-queries";
import { deviceTexts } from "../../design/texts-devices";
import { stateOf } from "./device-state";
import styles from "./devices-page.module.css";

/** A device's state in a shape, a colour and a word. */
export function StateMark({ device }: { readonly device: Device }) {
  const state = stateOf(device);
  return (
    <span className={styles["mark"]} data-state={state}>
      <i aria-hidden="true" />
      {deviceTexts.states[state]}
    </span>
  );
}
