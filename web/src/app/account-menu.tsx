import { Keyboard, LogOut } from "lucide-react";
import { useEffect, useRef, useState } from "react";

import { texts } from "../design/texts";
import { chooseTheme, nextTheme, useTheme } from "../design/theme";
import { useSession } from "../session/session";
import styles from "./shell.module.css";
import { ThemeIcon } from "./theme-icon";

export function AccountMenu({ onShowKeys }: { readonly onShowKeys: () => void }) {
  const { me, signOut } = useSession();
  const theme = useTheme();
  const [open, setOpen] = useState(false);
  const area = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);

  useEffect(() => {
    if (!open) return undefined;
    const leave = (event: Event): void => {
      if (event.target instanceof Node && area.current?.contains(event.target) === true) return;
      setOpen(false);
    };
    document.addEventListener("pointerdown", leave);
    document.addEventListener("focusin", leave);
    return () => {
      document.removeEventListener("pointerdown", leave);
      document.removeEventListener("focusin", leave);
    };
  }, [open]);

  return (
    <div
      className={styles["account"]}
      ref={area}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !open) return;
        event.stopPropagation();
        setOpen(false);
        button.current?.focus();
      }}
    >
      <button
        ref={button}
        type="button"
        className={styles["avatar"]}
        aria-label={`${initials(me.display_name)}, ${texts.account.open}: ${me.display_name}`}
        aria-expanded={open}
        onClick={() => {
          setOpen(!open);
        }}
      >
        {initials(me.display_name)}
      </button>
      {open && (
        <div className={styles["menu"]}>
          <p>
            <b>{me.display_name}</b>
            <span>{me.role}</span>
          </p>
          <button
            type="button"
            className={styles["onlyPhone"]}
            onClick={() => {
              chooseTheme(nextTheme(theme));
            }}
          >
            <ThemeIcon theme={theme} size={18} />
            {texts.theme.label}: {texts.theme.names[theme]}
          </button>
          <button
            type="button"
            onClick={() => {
              setOpen(false);
              onShowKeys();
            }}
          >
            <Keyboard size={18} strokeWidth={1.8} aria-hidden="true" />
            {texts.account.shortcuts}
          </button>
          <button type="button" onClick={signOut}>
            <LogOut size={18} strokeWidth={1.8} aria-hidden="true" />
            {texts.account.signOut}
          </button>
        </div>
      )}
    </div>
  );
}

function initials(name: string): string {
  const words = name.split(/[\s._-]+/).filter((word) => word !== "");
  const first = words[0]?.charAt(0) ?? "?";
  const last = words.length > 1 ? (words.at(-1)?.charAt(0) ?? "") : "";
  return (first + last).toUpperCase();
}
