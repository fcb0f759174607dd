/** Stored signals on their strip: the ECG on paper at its true size, the others fitted under it. */
import type { Extent, Stretch, View } from "./review-data";

export const MM_PER_S = 25;
export const MM_PER_MV = 10;
/** Room for the calibration pulse, before the first sample. */
export const PULSE_MM = 7;
export const LETTERS_PX = 28;
export const PAPER_MM = 40;
export const FITTED_PX = 64;
const BASELINE_MM = 26; // from the top of the paper
const HATCH_PX = 7;
const RR_ROOM_PX = 46;
const MOST_PIXEL_RATIO = 2;
const JOINED = 1.6; // samples apart: pieces of one signal meet within that

export interface Mark {
  readonly atMs: number;
  /** N, S, V, F, Q; a dot where nobody judged. */
  readonly letter: string;
  readonly rrMs: number | null;
}

export interface StripLane {
  readonly paper: boolean;
  readonly ink: string;
  readonly inverted: boolean;
  readonly stretches: readonly Stretch[];
  readonly gaps: readonly (readonly [number, number])[];
  readonly extent: Extent | null;
}

export interface Strip {
  readonly view: View;
  readonly pxPerMm: number;
  readonly lanes: readonly StripLane[];
  readonly marks: readonly Mark[];
}

interface Pen {
  readonly context: CanvasRenderingContext2D;
  readonly color: (name: string) => string;
  readonly width: number;
  readonly x: (atMs: number) => number;
  readonly fromMs: number;
}

export function laneHeight(paper: boolean, pxPerMm: number): number {
  return paper ? LETTERS_PX + Math.round(PAPER_MM * pxPerMm) : FITTED_PX;
}

/** Seconds of signal that fit a width. */
export function secondsIn(width: number, pxPerMm: number): number {
  return Math.max(1, (width / pxPerMm - PULSE_MM) / MM_PER_S);
}

export function drawStrip(canvas: HTMLCanvasElement, strip: Strip): void {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = Math.min(MOST_PIXEL_RATIO, window.devicePixelRatio || 1);
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  if (context === null || width === 0) return;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const style = getComputedStyle(canvas);
  const { pxPerMm, view, lanes } = strip;
  const left = PULSE_MM * pxPerMm;
  const pxPerMs = (pxPerMm * MM_PER_S) / 1000;
  const pen: Pen = { context, width, fromMs: view.fromMs, color: (name) => style.getPropertyValue(name).trim(), x: (atMs) => left + (atMs - view.fromMs) * pxPerMs };
  let top = 0;
  for (const lane of lanes) {
    const own = laneHeight(lane.paper, pxPerMm);
    context.save();
    context.translate(0, top);
    if (lane.paper) drawPaperLane(pen, strip, lane, own);
    else drawFittedLane(pen, strip, lane, own);
    context.restore();
    top += own;
  }
}

function drawPaperLane(pen: Pen, { pxPerMm, marks }: Strip, lane: StripLane, height: number): void {
  const { context, color, width } = pen;
  context.fillStyle = color("--paper");
  context.fillRect(0, 0, width, height);
  context.translate(0, LETTERS_PX);
  drawGrid(pen, pxPerMm, height - LETTERS_PX);
  const { extent } = lane;
  const scale = MM_PER_MV * pxPerMm;
  const zero = baseline(extent, height - LETTERS_PX, pxPerMm);
  const y = (value: number): number => zero - (value - (extent?.median ?? 0)) * scale;
  context.save();
  context.beginPath();
  context.rect(0, 0, width, height - LETTERS_PX);
  context.clip();
  hatch(pen, lane.gaps, height - LETTERS_PX, color("--text-3"));
  context.strokeStyle = color("--paper-ink");
  context.lineWidth = 1.3;
  context.lineJoin = "round";
  drawPulse(context, pxPerMm, zero);
  strokeSignal(pen, lane.stretches, y);
  context.restore();
  context.translate(0, -LETTERS_PX);
  drawMarks(pen, marks);
}

/** Where the median stands: as on paper, moved only as far as the signal needs. */
function baseline(extent: Extent | null, height: number, pxPerMm: number): number {
  const wanted = BASELINE_MM * pxPerMm;
  if (extent === null) return wanted;
  const scale = MM_PER_MV * pxPerMm;
  const highest = pxPerMm + (extent.high - extent.median) * scale;
  const lowest = height - pxPerMm - (extent.median - extent.low) * scale;
  return Math.max(highest, Math.min(lowest, wanted));
}

function drawGrid({ context, color, width }: Pen, pxPerMm: number, height: number): void {
  for (const [every, ink] of [[1, "--paper-1"], [5, "--paper-5"]] as const) {
    context.fillStyle = color(ink);
    const step = pxPerMm * every;
    for (let line = 0; line * step < width; line++) context.fillRect(Math.round(line * step), 0, 1, height);
    for (let line = 0; line * step < height; line++) context.fillRect(0, Math.round(line * step), width, 1);
  }
}

/** One millivolt over 0.2 s, before the signal: how tall it is can be seen. */
function drawPulse(context: CanvasRenderingContext2D, mm: number, zero: number): void {
  context.beginPath();
  context.moveTo(mm * 0.5, zero);
  context.lineTo(mm, zero);
  context.lineTo(mm, zero - MM_PER_MV * mm);
  context.lineTo(mm * 6, zero - MM_PER_MV * mm);
  context.lineTo(mm * 6, zero);
  context.lineTo(mm * 6.5, zero);
  context.stroke();
}

function strokeSignal({ context, x, width, fromMs }: Pen, stretches: readonly Stretch[], y: (value: number) => number): void {
  const left = x(fromMs);
  let lastMs = NaN;
  let down = false;
  context.beginPath();
  for (const { startMs, hz, values } of stretches) {
    const stepMs = 1000 / hz;
    if (!(startMs - lastMs <= stepMs * JOINED)) down = false;
    for (let index = 0; index < values.length; index++) {
      const value = values[index] ?? null;
      const atMs = startMs + index * stepMs;
      lastMs = atMs;
      const at = x(atMs);
      if (value === null || at < left || at > width) {
        down = false;
        continue;
      }
      if (down) context.lineTo(at, y(value));
      else context.moveTo(at, y(value));
      down = true;
    }
  }
  context.stroke();
}

function drawMarks({ context, color, width, x, fromMs }: Pen, marks: readonly Mark[]): void {
  context.textAlign = "center";
  context.textBaseline = "middle";
  const font = color("--font-ui");
  const y = LETTERS_PX / 2;
  let before: number | null = null;
  for (const { atMs, letter, rrMs } of marks) {
    const at = x(atMs);
    if (at > width - 8) break;
    if (at >= x(fromMs) && before !== null && rrMs !== null && at - before > RR_ROOM_PX && at + before > RR_ROOM_PX) {
      context.font = `11px ${font}`;
      context.fillStyle = color("--text-3");
      context.fillText(String(Math.round(rrMs)), (at + before) / 2, y);
    }
    before = at;
    if (atMs < fromMs) continue; // over the calibration pulse there is no signal
    context.font = `700 12px ${font}`;
    const boxed = letter === "V" || letter === "S" || letter === "F";
    if (boxed) {
      context.fillStyle = letter === "V" ? color("--a-low") : color("--surface-3");
      context.beginPath();
      context.roundRect(at - 9, y - 9, 18, 18, 4);
      context.fill();
    }
    context.fillStyle = letter === "V" ? color("--a-low-on") : boxed ? color("--text") : color("--text-2");
    context.fillText(letter, at, y + 0.5);
  }
}

function drawFittedLane(pen: Pen, { pxPerMm }: Strip, lane: StripLane, height: number): void {
  const { context, color, width } = pen;
  context.fillStyle = color("--well");
  context.fillRect(0, 0, width, height);
  context.fillStyle = color("--line");
  context.fillRect(0, 0, width, 1);
  const second = pxPerMm * MM_PER_S;
  for (let at = PULSE_MM * pxPerMm; at < width; at += second) context.fillRect(Math.round(at), 0, 1, height);
  hatch(pen, lane.gaps, height, color("--line-2"));
  const { extent } = lane;
  if (extent === null) return;
  const swing = Math.max(extent.high - extent.low, Number.EPSILON);
  const room = height - 12;
  context.strokeStyle = color(lane.ink);
  context.lineWidth = 1.6;
  context.lineJoin = "round";
  strokeSignal(pen, lane.stretches, (value) => {
    const share = (value - extent.low) / swing;
    return 6 + (lane.inverted ? share : 1 - share) * room;
  });
}

function hatch({ context, x, width }: Pen, gaps: StripLane["gaps"], height: number, color: string): void {
  context.strokeStyle = color;
  context.lineWidth = 1;
  for (const [start, end] of gaps) {
    const left = Math.max(0, x(start));
    const right = Math.min(width, x(end));
    if (right - left < 1) continue;
    context.save();
    context.beginPath();
    context.rect(left, 0, right - left, height);
    context.clip();
    context.globalAlpha = 0.5;
    context.beginPath();
    for (let at = left - height; at < right; at += HATCH_PX) {
      context.moveTo(at, height);
      context.lineTo(at + height, 0);
    }
    context.stroke();
    context.restore();
  }
}
