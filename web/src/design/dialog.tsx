import { X } from "lucide-react";
import { type ReactNode, useEffect, useRef } from "react";

import { IconButton } from "./button";
import styles from "./dialog.module.css";
import { texts } from "./texts";

interface Properties {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

/** Something that must be dealt with before the page goes on; Esc closes it. */
export function Dialog({ title, onClose, children }: Properties) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog ref={dialog} className={styles["dialog"]} aria-label={title} onClose={onClose}>
      <header>
        <h2>{title}</h2>
        <IconButton label={texts.keys.close} onClick={onClose}>
          <X size={18} aria-hidden="true" />
        </IconButton>
      </header>
      {children}
    </dialog>
  );
}
