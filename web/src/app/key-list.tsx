import { X } from "lucide-react";
import { useEffect, useRef } from "react";

import { IconButton } from "../design/button";
import { texts } from "../design/texts";
import styles from "./shell.module.css";

export function KeyList({ onClose }: { readonly onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog ref={dialog} className={styles["keys"]} aria-label={texts.keys.title} onClose={onClose}>
      <header>
        <h2>{texts.keys.title}</h2>
        <IconButton label={texts.keys.close} onClick={onClose}>
          <X size={18} aria-hidden="true" />
        </IconButton>
      </header>
      <dl>
        {texts.keys.list.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </dialog>
  );
}
