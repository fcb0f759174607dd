import { useEffect, useRef } from "react";

import { useLooks } from "../design/theme";
import type { LaneLook } from "../live/lane";
import { Trace } from "../live/trace";
import { useSession } from "./session";

interface Properties {
  readonly patient: string;
  /** Must stay the same object while the lanes do. */
  readonly lanes: readonly LaneLook[];
  readonly label: string;
  readonly testId?: string;
  readonly className?: string | undefined;
  readonly frozen?: boolean;
}

/** The canvas of one patient's traces. React mounts it; samples never pass through here. */
export function LiveTrace({ patient, lanes, label, testId, className, frozen = false }: Properties) {
  const { live } = useSession();
  const looks = useLooks();
  const canvas = useRef<HTMLCanvasElement>(null);
  const trace = useRef<Trace>(null);

  useEffect(() => {
    const element = canvas.current;
    if (element === null) return undefined;
    const drawn = new Trace(element, live.waves, patient, lanes);
    trace.current = drawn;
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
    const drawn = trace.current;
    if (drawn === null || drawn.frozen === frozen) return;
    drawn.frozen = frozen;
    if (!frozen) drawn.redraw();
  }, [frozen]);

  return <canvas ref={canvas} className={className} role="img" aria-label={label} data-testid={testId} />;
}
