"""What the page's animation frames cost: counted inside the page, without a word to its code."""

import asyncio
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Browser, CDPSession, Page

# Milliseconds of script a frame and between frames, in bins of a fifth; no array grows.
SCRIPT = """
(() => {
  const BINS = 1000, PER_MS = 5;
  const bins = () => new Uint32Array(BINS);
  const costs = { script: bins(), frame: bins(), frames: 0, batches: 0 };
  const count = (bins, ms) => { bins[Math.min(BINS - 1, Math.floor(ms * PER_MS))] += 1; };
  const ask = window.requestAnimationFrame.bind(window);
  let last = 0, inFrame = 0;
  window.requestAnimationFrame = (step) => ask((at) => {
    const began = performance.now();
    step(at);
    const ms = performance.now() - began;
    if (at === last) { inFrame += ms; return; }
    if (last > 0) {
      count(costs.frame, at - last);
      count(costs.script, inFrame);
      costs.frames += 1;
    }
    last = at;
    inFrame = ms;
  });
  window.frameCosts = costs;
  document.addEventListener('DOMContentLoaded', () => {
    const all = { subtree: true, childList: true, characterData: true, attributes: true };
    new MutationObserver(() => { costs.batches += 1; }).observe(document.body, all);
  });
})();
"""
READ = """() => ({
  script: [...frameCosts.script], frame: [...frameCosts.frame],
  frames: frameCosts.frames, batches: frameCosts.batches })"""
CLEAR = """() => {
  frameCosts.script.fill(0); frameCosts.frame.fill(0);
  frameCosts.frames = 0; frameCosts.batches = 0;
}"""
PER_MS = 5
TIMELINE = "devtools.timeline"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameCosts:
    """Frames since they were counted last."""

    frames: int
    batches: int
    script_median_ms: float
    script_p95_ms: float
    frame_p95_ms: float

    @classmethod
    async def read(cls, page: Page, *, clear: bool = False) -> "FrameCosts":
        """What was counted so far; with `clear`, counting begins anew."""
        told: dict[str, Any] = await page.evaluate(READ)
        if clear:
            await page.evaluate(CLEAR)
        return cls(
            frames=told["frames"],
            batches=told["batches"],
            script_median_ms=_quantile(told["script"], 0.5),
            script_p95_ms=_quantile(told["script"], 0.95),
            frame_p95_ms=_quantile(told["frame"], 0.95),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MainThread:
    """CPU time of the page's main thread: who else works on the machine does not matter."""

    script_median_ms: float
    script_p95_ms: float
    layout_ms_a_second: float
    longest_ms: float

    @classmethod
    async def watch(cls, browser: Browser, *, seconds: float) -> "MainThread":
        """Trace the one page of the browser for so long."""
        session = await browser.new_browser_cdp_session()
        events: list[dict[str, Any]] = []
        complete = asyncio.Event()
        session.on("Tracing.dataCollected", lambda part: events.extend(part["value"]))
        session.on("Tracing.tracingComplete", lambda _: complete.set())
        config = {"includedCategories": [TIMELINE, f"disabled-by-default-{TIMELINE}"]}
        await session.send("Tracing.start", {"transferMode": "ReportEvents", "traceConfig": config})
        await asyncio.sleep(seconds)
        await session.send("Tracing.end")
        await complete.wait()
        await session.detach()
        spent: dict[str, list[float]] = {"FireAnimationFrame": [], "Layout": [], "RunTask": []}
        mains = {
            (event["pid"], event["tid"])
            for event in events
            if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
        }
        for event in events:
            if event["name"] in spent and (event["pid"], event["tid"]) in mains:
                spent[event["name"]].append(event.get("tdur", 0) / 1_000)
        frames = sorted(spent["FireAnimationFrame"])
        return cls(
            script_median_ms=frames[len(frames) // 2],
            script_p95_ms=frames[int(len(frames) * 0.95)],
            layout_ms_a_second=sum(spent["Layout"]) / seconds,
            longest_ms=max(spent["RunTask"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a page holds on to after all garbage was collected."""

    heap_bytes: int
    nodes: int
    listeners: int


async def kept(session: CDPSession) -> Kept:
    """What stays; `Performance.enable` must have been sent."""
    await session.send("HeapProfiler.collectGarbage")
    answer = await session.send("Performance.getMetrics")
    metrics = {metric["name"]: int(metric["value"]) for metric in answer["metrics"]}
    return Kept(
        heap_bytes=metrics["JSHeapUsedSize"],
        nodes=metrics["Nodes"],
        listeners=metrics["JSEventListeners"],
    )


def _quantile(bins: list[int], part: float) -> float:
    wanted, seen = part * sum(bins), 0
    for index, count in enumerate(bins):
        seen += count
        if seen >= wanted:
            return (index + 1) / PER_MS
    return len(bins) / PER_MS
