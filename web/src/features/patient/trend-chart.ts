/** How a trend lane is drawn: limits dashed, gaps hatched, values out of limits ticked in red. */
import type uPlot from "uplot";

import type { Limit } from "../../api/types";
import { formatHourMinute } from "../../design/format/times";
import { formatValue } from "../../design/format/numbers";
import { type TrendData, trendScale } from "./trend-data";

export interface TrendLook {
  readonly ink: string;
  readonly decimals: number;
  readonly axis: boolean;
  readonly limit: Limit | null;
}

const LEAST_SPAN = { 0: 16, 1: 1.6 } as const;
const HATCH_PX = 7;
const TICK_PX = 4;

export function trendOptions(data: TrendData, range: { readonly fromMs: number; readonly toMs: number }, look: TrendLook): Omit<uPlot.Options, "width" | "height"> {
  const color = inks();
  const limits = [look.limit?.low ?? null, look.limit?.high ?? null];
  const least = look.decimals === 0 ? LEAST_SPAN[0] : LEAST_SPAN[1];
  return {
    legend: { show: false },
    padding: [6, 0, look.axis ? 0 : 6, 0],
    cursor: { sync: { key: "trends" }, y: false, drag: { x: false, y: false }, points: { size: 7 } },
    scales: {
      x: { time: true, range: [range.fromMs / 1000, range.toMs / 1000] },
      y: { range: trendScale(data.values, limits, least) },
    },
    axes: [
      {
        show: look.axis,
        stroke: color("--text-3"),
        font: `11px ${color("--font-ui")}`,
        size: 26,
        grid: { show: false },
        ticks: { show: false },
        values: (_, times) => times.map((time) => formatHourMinute(time * 1000)),
      },
      { show: false },
    ],
    series: [
      {},
      {
        stroke: color(look.ink),
        width: 1.6,
        spanGaps: false,
        points: { show: false },
        value: (_, value) => formatValue(value, look.decimals),
      },
    ],
    hooks: {
      drawClear: [
        (plot) => {
          hatchGaps(plot, data.gaps, color("--line"));
        },
      ],
      draw: [
        (plot) => {
          drawLimits(plot, limits, color("--text-3"));
          tickOutside(plot, data, limits, color("--a-high-ink"));
        },
      ],
    },
  };
}

function inks(): (name: string) => string {
  const style = getComputedStyle(document.documentElement);
  return (name) => style.getPropertyValue(name).trim();
}

function hatchGaps(plot: uPlot, gaps: TrendData["gaps"], color: string): void {
  const { ctx, bbox } = plot;
  const ratio = window.devicePixelRatio || 1;
  for (const [start, end] of gaps) {
    const left = Math.max(bbox.left, plot.valToPos(start, "x", true));
    const right = Math.min(bbox.left + bbox.width, plot.valToPos(end, "x", true));
    if (right - left < 1) continue;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, bbox.top, right - left, bbox.height);
    ctx.clip();
    ctx.strokeStyle = color;
    ctx.lineWidth = ratio;
    ctx.beginPath();
    for (let x = left - bbox.height; x < right; x += HATCH_PX * ratio) {
      ctx.moveTo(x, bbox.top + bbox.height);
      ctx.lineTo(x + bbox.height, bbox.top);
    }
    ctx.stroke();
    ctx.restore();
  }
}

function drawLimits(plot: uPlot, limits: readonly (number | null)[], color: string): void {
  const { ctx, bbox } = plot;
  const ratio = window.devicePixelRatio || 1;
  ctx.save();
  ctx.strokeStyle = color;
  ctx.lineWidth = ratio;
  ctx.setLineDash([3 * ratio, 4 * ratio]);
  ctx.beginPath();
  for (const limit of limits) {
    if (limit === null) continue;
    const y = Math.round(plot.valToPos(limit, "y", true));
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
  }
  ctx.stroke();
  ctx.restore();
}

function tickOutside(plot: uPlot, data: TrendData, [low, high]: readonly (number | null)[], color: string): void {
  const { ctx, bbox } = plot;
  const ratio = window.devicePixelRatio || 1;
  ctx.save();
  ctx.fillStyle = color;
  data.times.forEach((time, index) => {
    const value = data.values[index];
    if (value === null || value === undefined) return;
    const outside = (low != null && value < low) || (high != null && value > high);
    if (!outside) return;
    ctx.fillRect(plot.valToPos(time, "x", true) - ratio, bbox.top + bbox.height - TICK_PX * ratio, 2.4 * ratio, TICK_PX * ratio);
  });
  ctx.restore();
}
