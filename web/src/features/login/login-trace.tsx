import { useEffect, useRef } from "react";

import { useLooks } from "../../design/theme";

const BEAT_S = 0.85;
const PX_PER_S = 95;
const PX_PER_MV = 96;

/** A still, drawn heart beat behind the form: decoration, no measurement. */
export function LoginTrace({ className }: { readonly className: string | undefined }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const looks = useLooks();
  useEffect(() => {
    const element = canvas.current;
    if (element === null) return undefined;
    const size = new ResizeObserver(() => {
      draw(element);
    });
    size.observe(element);
    return () => {
      size.disconnect();
    };
  }, [looks]);
  return <canvas ref={canvas} className={className} aria-hidden="true" />;
}

function draw(element: HTMLCanvasElement): void {
  const ratio = Math.min(2, window.devicePixelRatio);
  const { clientWidth: width, clientHeight: height } = element;
  element.width = width * ratio;
  element.height = height * ratio;
  const context = element.getContext("2d");
  if (context === null) return;
  context.scale(ratio, ratio);
  context.strokeStyle = getComputedStyle(element).getPropertyValue("--p-ecg");
  context.lineWidth = 2;
  context.lineJoin = "round";
  context.beginPath();
  for (let x = 0; x <= width; x += 0.5) {
    const t = x / PX_PER_S;
    const y = height * 0.57 - beat((t + 0.25) % BEAT_S) * PX_PER_MV;
    if (x === 0) context.moveTo(x, y);
    else context.lineTo(x, y);
  }
  context.stroke();
}

/** One cycle of P, QRS and T waves in millivolts, as a sum of bumps. */
function beat(t: number): number {
  const bump = (height: number, at: number, width: number): number => height * Math.exp(-0.5 * ((t - at) / width) ** 2);
  return (
    bump(0.13, 0.2, 0.023) +
    bump(-0.1, 0.34, 0.009) +
    bump(1.12, 0.368, 0.0115) +
    bump(-0.26, 0.397, 0.0105) +
    bump(0.25, 0.6, 0.05) +
    bump(0.09, 0.65, 0.028)
  );
}
