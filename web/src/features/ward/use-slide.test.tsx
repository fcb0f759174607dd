// @vitest-environment jsdom
import { renderHook } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { useSlide } from "./use-slide";

/** As much of an animation as a slide needs. */
class Slide {
  playState = "running";
  pause = vi.fn(() => {
    this.playState = "paused";
  });
  play = vi.fn(() => {
    this.playState = "running";
  });
}

describe("useSlide", () => {
  const slides: Slide[] = [];
  let grid: HTMLElement;

  beforeEach(() => {
    vi.useFakeTimers();
    vi.stubGlobal("matchMedia", () => ({ matches: false }));
    slides.length = 0;
    grid = document.createElement("section");
    grid.innerHTML = '<article data-key="1"></article><article data-key="2"></article>';
    document.body.replaceChildren(grid);
    for (const tile of grid.querySelectorAll("article")) {
      tile.getBoundingClientRect = () => new DOMRect(100 * [...grid.children].indexOf(tile), 0, 90, 90);
      tile.animate = () => {
        const slide = new Slide();
        slides.push(slide);
        return slide as unknown as Animation;
      };
    }
  });

  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  function swap(): void {
    const hook = renderHook(({ order }: { order: string }) => { useSlide({ current: grid }, order); }, { initialProps: { order: "1 2" } });
    grid.append(grid.children[0] ?? "");
    hook.rerender({ order: "2 1" });
  }

  it("slides what changed its place", () => {
    swap();
    expect(slides).toHaveLength(2);
  });

  it("stands still from the press until the click", () => {
    swap();
    grid.children[0]?.dispatchEvent(new Event("pointerdown", { bubbles: true }));
    expect(slides.map(({ playState }) => playState)).toEqual(["paused", "paused"]);
    document.dispatchEvent(new Event("pointerup"));
    expect(slides.map(({ playState }) => playState)).toEqual(["paused", "paused"]);
    vi.runAllTimers(); // the click has come by then
    expect(slides.map(({ playState }) => playState)).toEqual(["running", "running"]);
  });

  it("goes on under a press elsewhere, and starts nothing that has ended", () => {
    swap();
    document.body.dispatchEvent(new Event("pointerdown", { bubbles: true }));
    expect(slides[0]?.pause).not.toHaveBeenCalled();
    for (const slide of slides) slide.playState = "finished";
    grid.children[0]?.dispatchEvent(new Event("pointerdown", { bubbles: true }));
    document.dispatchEvent(new Event("pointerup"));
    vi.runAllTimers();
    expect(slides[0]?.play).not.toHaveBeenCalled();
  });
});
