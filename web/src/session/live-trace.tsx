import { type Ref, useEffect, useImperativeHandle, useRef } from "react";

import { useCalibration } from "../design/calibration";
import { useLooks } from "../design/theme";
import type { LaneLook } from "../live/lane";
import { Trace, type TraceSignal } from "../live/trace";
import { useSession } from "./session";

interface Properties {
  readonly patient: string;
  /** Must stay the same object while the lanes do. */
  readonly lanes: readonly LaneLook[];
  readonly label: string;
  readonly testId?: string;
  readonly className?: string | undefined;
  readonly frozen?: boolean;
  /** To look at what is drawn, as a caliper does. */
  readonly handle?: Ref<TraceHandle>;
}

export interface TraceHandle {
  readonly signal: (lane: number) => TraceSignal | null;
}

/** The canvas of one patient's traces. React mounts it; samples never pass through here. */
export function LiveTrace({ patient, lanes, label, testId, className, frozen = false, handle }: Properties) {
  const { live } = useSession();
  const looks = useLooks();
  const canvas = useRef<HTMLCanvasElement>(null);
  const trace = useRef<Trace>(null);
  const frozenMs = useRef<number | null>(null);
  const { pxPerMm } = useCalibration();
  useImperativeHandle(handle, () => ({ signal: (lane) => trace.current?.signal(lane) ?? null }), []);

  useEffect(() => {
    const element = canvas.current;
    if (element === null) return undefined;
    const drawn = new Trace(element, live.waves, patient, lanes, live.beats.of(patient));
    trace.current = drawn;
    drawn.freeze(frozenMs.current); // other lanes or another speed: what stood still stays so
    const size = new ResizeObserver(([entry]) => {
      if (entry !== undefined) drawn.resize(entry.contentRect.width, entry.contentRect.height);
    });
    const sight = new IntersectionObserver(([entry]) => {
      const visible = entry?.isIntersecting === true;
      if (visible && !drawn.visible) drawn.redraw();
      drawn.visible = visible;
    });
    size.observe(element);
    sight.observe(element);
    const leave = live.frames.add(drawn);
    return () => {
      leave();
      size.disconnect();
      sight.disconnect();
      trace.current = null;
    };
  }, [live, patient, lanes]);

  useEffect(() => {
    trace.current?.recolor();
  }, [looks]);

  useEffect(() => {
    trace.current?.relayout();
  }, [pxPerMm]);

  useEffect(() => {
    const drawn = trace.current;
    if (drawn === null || frozen === (frozenMs.current !== null)) return;
    frozenMs.current = frozen && !Number.isNaN(drawn.penMs) ? drawn.penMs : null;
    drawn.freeze(frozenMs.current);
  }, [frozen]);

  return <canvas ref={canvas} className={className} role="img" aria-label={label} data-testid={testId} />;
}
