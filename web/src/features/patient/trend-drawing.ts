/** The trends on their canvas: lanes under one another, one time for all. */
import type { Tick } from "./trend-axis";
import { isOutside, type TimeRange, type TrendData, type TrendLimits } from "./trend-data";

export interface DrawnLane {
  readonly ink: string;
  readonly data: TrendData;
  readonly limits: TrendLimits;
  readonly scale: readonly [number, number];
}

export interface Drawing {
  readonly range: TimeRange;
  readonly ticks: readonly Tick[];
  /** Null while a lane has nothing to draw yet. */
  readonly lanes: readonly (DrawnLane | null)[];
  readonly laneHeight: number;
}

export const EDGE_PX = 8; // above the highest and under the lowest of a lane
const HATCH_PX = 7;
const TICK_PX = 4;
const TICK_WIDTH_PX = 2.4;
const BAND_ALPHA = 0.22;
const MOST_PIXEL_RATIO = 2;

/** From the top of its lane, in pixels. */
export function laneY(value: number, [low, high]: readonly [number, number], height: number): number {
  return EDGE_PX + (1 - (value - low) / (high - low)) * (height - 2 * EDGE_PX);
}

export function drawTrends(canvas: HTMLCanvasElement, drawing: Drawing): void {
  const { clientWidth: width, clientHeight: height } = canvas;
  const ratio = Math.min(MOST_PIXEL_RATIO, window.devicePixelRatio || 1);
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  if (context === null || width === 0) return;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const style = getComputedStyle(canvas);
  const color = (name: string): string => style.getPropertyValue(name).trim();
  const { fromMs, toMs } = drawing.range;
  const x = (atMs: number): number => ((atMs - fromMs) / (toMs - fromMs)) * width;
  drawGrid(context, drawing, x, color);
  drawing.lanes.forEach((lane, index) => {
    if (lane === null) return;
    context.save();
    context.translate(0, index * drawing.laneHeight);
    const pen: Pen = { context, x, y: (value) => laneY(value, lane.scale, drawing.laneHeight), width, height: drawing.laneHeight };
    hatchGaps(pen, lane.data, color("--line-2"));
    drawLimits(pen, lane.limits, color("--text-3"));
    drawBand(pen, lane.data, color(lane.ink));
    drawLine(pen, lane.data, color(lane.ink));
    tickOutside(pen, lane, color("--a-high-ink"));
    context.restore();
  });
}

interface Pen {
  readonly context: CanvasRenderingContext2D;
  readonly x: (atMs: number) => number;
  readonly y: (value: number) => number;
  readonly width: number;
  readonly height: number;
}

function drawGrid(context: CanvasRenderingContext2D, { ticks, lanes, laneHeight }: Drawing, x: (atMs: number) => number, color: (name: string) => string): void {
  context.fillStyle = color("--line");
  for (const { atMs } of ticks) context.fillRect(Math.round(x(atMs)), 0, 1, lanes.length * laneHeight);
  for (let lane = 1; lane <= lanes.length; lane++) context.fillRect(0, lane * laneHeight - 1, context.canvas.width, 1);
  context.fillStyle = color("--a-med-ink");
  for (const { atMs, shifted } of ticks) if (shifted) context.fillRect(Math.round(x(atMs)) - 0.5, 0, 2, lanes.length * laneHeight);
}

function hatchGaps({ context, x, width, height }: Pen, { gaps }: TrendData, color: string): void {
  context.strokeStyle = color;
  context.lineWidth = 1;
  for (const [start, end] of gaps) {
    const left = Math.max(0, x(start));
    const right = Math.min(width, x(end));
    if (right - left < 1) continue;
    context.save();
    context.beginPath();
    context.rect(left, 0, right - left, height - 1);
    context.clip();
    context.beginPath();
    // the lines of all gaps and lanes belong to one pattern
    for (let at = Math.floor((left - height) / HATCH_PX) * HATCH_PX; at < right; at += HATCH_PX) {
      context.moveTo(at, height);
      context.lineTo(at + height, 0);
    }
    context.stroke();
    context.restore();
  }
}

function drawLimits({ context, y, width }: Pen, { low, high }: TrendLimits, color: string): void {
  context.strokeStyle = color;
  context.lineWidth = 1;
  context.setLineDash([3, 4]);
  context.beginPath();
  for (const limit of [low, high]) {
    if (limit === null) continue;
    const at = Math.round(y(limit)) + 0.5;
    context.moveTo(0, at);
    context.lineTo(width, at);
  }
  context.stroke();
  context.setLineDash([]);
}

/** From the least to the greatest of each bucket: no short excursion is lost in a mean. */
function drawBand({ context, x, y }: Pen, { runs }: TrendData, color: string): void {
  context.fillStyle = color;
  context.globalAlpha = BAND_ALPHA;
  for (const run of runs) {
    if (!run.some(({ low, high }) => high > low)) continue;
    context.beginPath();
    for (const { atMs, high } of run) context.lineTo(x(atMs), y(high));
    for (let i = run.length - 1; i >= 0; i--) {
      const point = run[i];
      if (point !== undefined) context.lineTo(x(point.atMs), y(point.low));
    }
    context.closePath();
    context.fill();
  }
  context.globalAlpha = 1;
}

function drawLine({ context, x, y }: Pen, { runs }: TrendData, color: string): void {
  context.strokeStyle = color;
  context.fillStyle = color;
  context.lineWidth = 1.6;
  context.lineJoin = "round";
  context.beginPath();
  for (const run of runs) {
    const [only] = run;
    if (run.length === 1 && only !== undefined) context.fillRect(x(only.atMs) - 1.5, y(only.value) - 1.5, 3, 3);
    let down = false;
    for (const { atMs, value } of run) {
      if (down) context.lineTo(x(atMs), y(value));
      else context.moveTo(x(atMs), y(value));
      down = true;
    }
  }
  context.stroke();
}

/** The red row at the foot of a lane. */
function tickOutside({ context, x, height }: Pen, { data, limits }: DrawnLane, color: string): void {
  context.fillStyle = color;
  for (const run of data.runs) {
    for (const point of run) {
      if (isOutside(point, limits)) context.fillRect(x(point.atMs) - TICK_WIDTH_PX / 2, height - 2 - TICK_PX, TICK_WIDTH_PX, TICK_PX);
    }
  }
}
