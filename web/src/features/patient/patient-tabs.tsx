import { useEffect, useState } from "react";

import { texts } from "../../design/texts";
import styles from "./patient-tabs.module.css";

const SECTIONS = [
  { id: "live", text: texts.patient.live },
  { id: "trends", text: texts.patient.trends },
  { id: "signals", text: texts.review.title },
] as const;

const ANCHOR = "-110px 0px -55% 0px"; // what stands in the upper half is what one looks at

/** The way to each part of the page, and which one is before the eyes. */
export function PatientTabs() {
  const [current, setCurrent] = useState<string>("live");
  useEffect(() => {
    const seen = new Set<string>();
    const watch = new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) {
          if (isIntersecting) seen.add(target.id);
          else seen.delete(target.id);
        }
        const first = SECTIONS.find(({ id }) => seen.has(id));
        if (first !== undefined) setCurrent(first.id);
      },
      { rootMargin: ANCHOR },
    );
    for (const { id } of SECTIONS) {
      const section = document.getElementById(id);
      if (section !== null) watch.observe(section);
    }
    return () => {
      watch.disconnect();
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
