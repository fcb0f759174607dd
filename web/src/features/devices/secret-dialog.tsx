import { useState } from "react";

import type { DeviceSecret } from "../../api/device-queries";
import { Button } from "../../design/button";
import { Dialog } from "../../design/dialog";
import { deviceTexts } from "../../design/texts-devices";
import styles from "./devices-page.module.css";

const words = deviceTexts.secret;

/** A device's secret, once: it is kept nowhere, here neither. */
export function SecretDialog({ secret, onClose }: { readonly secret: DeviceSecret; readonly onClose: () => void }) {
  const [copied, setCopied] = useState(false);
  const { secret: text } = secret;
  return (
    <Dialog title={words.title(secret.device)} onClose={onClose}>
      {text === null ? (
        <p className={styles["hint"]}>{words.used}</p>
      ) : (
        <>
          <p className={styles["hint"]}>{words.once}</p>
          <div className={styles["secret"]}>
            <output data-testid="device-secret">{text}</output>
            <Button
              size="small"
              onClick={() => {
                void navigator.clipboard.writeText(text).then(() => { setCopied(true); });
              }}
            >
              {copied ? words.copied : words.copy}
            </Button>
          </div>
        </>
      )}
      <dl className={styles["secretFacts"]}>
        <div>
          <dt>{words.user}</dt>
          <dd>{secret.username}</dd>
        </div>
        <div>
          <dt>{words.topics}</dt>
          <dd>{secret.topic_root}</dd>
        </div>
      </dl>
      <Button look="main" onClick={onClose}>
        {words.done}
      </Button>
    </Dialog>
  );
}
