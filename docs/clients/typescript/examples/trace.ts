/** Draws ten seconds of an ECG on a canvas, in one animation frame, from a ring of samples. */
import { LiveClient, Ring, Session } from "../src/index.ts";

const SECONDS = 10;

export async function drawTrace(canvas: HTMLCanvasElement, patient: string): Promise<() => void> {
  const session = await Session.resume(location.origin);
  const live = new LiveClient(session);
  let ring: Ring | null = null;
  live.subscribe(
    { patients: [patient], what: ["waveforms"], streams: ["ecg"], rate: 250 },
    {
      blocks: (blocks) => {
        for (const { header, startUs, channels } of blocks) {
          if (ring?.hz !== header.hz) ring = new Ring(header.hz, SECONDS);
          const lead = channels[0];
          if (lead !== undefined) ring.put(startUs, lead);
        }
      },
    },
  );
  const context = canvas.getContext("2d");
  const pixelsPerS = canvas.width / SECONDS;
  const pixelsPerMv = canvas.height / 4;
  let frame = 0;
  const draw = (): void => {
    frame = requestAnimationFrame(draw);
    if (context === null || ring === null) return;
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.beginPath();
    let joined = false;
    ring.forEach((value, ageS) => {
      if (Number.isNaN(value)) {
        joined = false; // a hole is a hole
        return;
      }
      const x = canvas.width - ageS * pixelsPerS;
      const y = canvas.height / 2 - value * pixelsPerMv;
      if (joined) context.lineTo(x, y);
      else context.moveTo(x, y);
      joined = true;
    });
    context.stroke();
  };
  draw();
  return () => {
    cancelAnimationFrame(frame);
    live.close();
  };
}
