import { useEffect, useState } from "react";

import { texts } from "../../design/texts";
import styles from "./patient-tabs.module.css";

const SECTIONS = [
  { id: "live", text: texts.patient.live },
  { id: "trends", text: texts.patient.trends },
  { id: "signals", text: texts.review.title },
] as const;

const BEFORE_EYES = 0.6; // of the height of the window: the last part that begins above it is looked at

/** The way to each part of the page, and which one is before the eyes. */
export function PatientTabs() {
  const [current, setCurrent] = useState<string>("live");
  useEffect(() => {
    const look = (): void => {
      const line = window.innerHeight * BEFORE_EYES;
      const seen = SECTIONS.findLast(({ id }) => (document.getElementById(id)?.getBoundingClientRect().top ?? Infinity) < line);
      setCurrent(seen?.id ?? "live");
    };
    document.addEventListener("scroll", look, { passive: true });
    return () => {
      document.removeEventListener("scroll", look);
    };
  }, []);
  return (
    <nav className={styles["tabs"]} aria-label={texts.patient.sections}>
      {SECTIONS.map(({ id, text }) => (
        <a
          key={id}
          href={`#${id}`}
          aria-current={id === current ? "true" : undefined}
          onClick={(event) => {
            event.preventDefault(); // the address keeps range and time
            document.getElementById(id)?.scrollIntoView({ block: "start" });
          }}
        >
          {text}
        </a>
      ))}
    </nav>
  );
}
