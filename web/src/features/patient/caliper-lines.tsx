import { type KeyboardEvent, useEffect, useRef } from "react";

import { texts } from "../../design/texts";
import { useWidth } from "../../design/use-width";
import { distance, numberAt, onSweep, type Sweep, xOf } from "./caliper";
import styles from "./caliper-lines.module.css";

export interface Caliper {
  readonly hz: number;
  readonly pen: number;
  readonly lines: readonly [number, number];
}

const FAST = 10;

interface Properties {
  readonly caliper: Caliper;
  readonly pxPerS: number;
  /** Share of the lanes that run at this speed, from the top. */
  readonly share: number;
  readonly onMove: (lines: readonly [number, number]) => void;
  readonly onClose: () => void;
}

/** Two lines over the lanes of one speed, moved by keys or by hand, and the time between them. */
export function CaliperLines({ caliper, pxPerS, share, onMove, onClose }: Properties) {
  const [area, width] = useWidth<HTMLDivElement>();
  const second = useRef<HTMLElement>(null);
  const placed = width > 0;
  useEffect(() => {
    if (placed) second.current?.focus(); // its arrows work at once
  }, [placed]);
  const sweep: Sweep = { hz: caliper.hz, pen: caliper.pen, width, pxPerS };
  const place = (index: number, number: number): void => {
    const kept = onSweep(number, sweep);
    onMove(index === 0 ? [kept, caliper.lines[1]] : [caliper.lines[0], kept]);
  };
  const press = (index: number, event: KeyboardEvent): void => {
    const by = (event.shiftKey ? FAST : 1) * ({ ArrowLeft: -1, ArrowRight: 1 }[event.key] ?? 0);
    if (by !== 0) place(index, (caliper.lines[index] ?? 0) + by);
    else if (event.key === "Escape") onClose();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const { ms, rate } = distance(...caliper.lines, caliper.hz);
  const read = texts.patient.caliperRead(ms, rate);
  const right = Math.max(...caliper.lines.map((number) => xOf(number, sweep)));
  return (
    <div ref={area} className={styles["area"]} style={{ blockSize: `${(share * 100).toFixed(3)}%` }} data-testid="caliper-lines">
      {placed &&
        caliper.lines.map((number, index) => (
          <i
            key={index}
            ref={index === 1 ? second : undefined}
            className={styles["line"]}
            style={{ insetInlineStart: `${xOf(number, sweep).toFixed(1)}px` }}
            role="slider"
            tabIndex={0}
            aria-label={texts.patient.caliperLine(index)}
            aria-valuenow={number - caliper.pen}
            aria-valuetext={read}
            onKeyDown={(event) => {
              press(index, event);
            }}
            onPointerDown={(event) => {
              event.currentTarget.setPointerCapture(event.pointerId);
            }}
            onPointerMove={(event) => {
              if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
              const left = event.currentTarget.parentElement?.getBoundingClientRect().left ?? 0;
              place(index, numberAt(event.clientX - left, sweep));
            }}
          />
        ))}
      {placed && (
        <output className={styles["read"]} style={right > width - 190 ? { insetInlineEnd: `${(width - right + 12).toFixed(0)}px` } : { insetInlineStart: `${(right + 14).toFixed(0)}px` }} data-testid="caliper-read">
          {read}
        </output>
      )}
    </div>
  );
}
