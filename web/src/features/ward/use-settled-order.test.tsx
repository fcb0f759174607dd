// @vitest-environment jsdom
import { act, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { Alarm } from "../../live/messages";
import type { BedView } from "./beds";
import { useSettledOrder } from "./use-settled-order";

const NOW = Date.parse("2026-11-21T10:00:00Z");
const CALL = { id: "a", patient: "p", state: "active", paused_until: null, priority: "high", kind: "physiological" } as unknown as Alarm;

function views(...keys: string[]): BedView[] {
  return keys.map((key) => {
    const calls = key.endsWith("!");
    const name = calls ? key.slice(0, -1) : key;
    return { bed: { key: name, label: name, patient: null }, alarms: calls ? [CALL] : [] };
  });
}

function point(target: EventTarget, kind = "pointermove", pointerType = "mouse"): void {
  const event = new Event(kind, { bubbles: true });
  Object.defineProperty(event, "pointerType", { value: pointerType });
  target.dispatchEvent(event);
}

describe("useSettledOrder", () => {
  let grid: HTMLElement;
  let tile: HTMLElement;

  beforeEach(() => {
    vi.useFakeTimers();
    grid = document.createElement("section");
    tile = document.createElement("a");
    tile.tabIndex = 0;
    grid.append(tile);
    document.body.replaceChildren(grid);
  });

  afterEach(() => {
    vi.useRealTimers();
  });

  /** The ward begins as 1 2 3; afterwards 3 2 1 is wanted. */
  function begin(size = 8, wanted = views("3", "2", "1")) {
    const conditions = { grid: { current: grid }, linked: true, asked: "priority", size, nowMs: NOW };
    const hook = renderHook(({ beds }: { beds: BedView[] }) => useSettledOrder(beds, conditions), { initialProps: { beds: views("1", "2", "3") } });
    const pass = (seconds: number): void => {
      act(() => {
        vi.advanceTimersByTime(1000 * seconds);
      });
    };
    const order = (): string => hook.result.current.beds.map(({ bed }) => bed.key).join(" ");
    return { pass, order, held: () => hook.result.current.held, change: () => { hook.rerender({ beds: wanted }); } };
  }

  it("follows at once where nobody points", () => {
    const { pass, order, held, change } = begin();
    change();
    pass(1);
    expect([order(), held()]).toEqual(["3 2 1", false]);
  });

  it("stands still while a mouse rests over a tile, and says so", () => {
    const { pass, order, held, change } = begin();
    point(tile);
    change();
    pass(600);
    expect([order(), held()]).toEqual(["1 2 3", true]);
    point(document.body);
    pass(11);
    expect([order(), held()]).toEqual(["3 2 1", false]);
  });

  it("goes on when the mouse leaves the window", () => {
    const { pass, order, change } = begin();
    point(tile);
    change();
    document.documentElement.dispatchEvent(new Event("pointerleave"));
    pass(9);
    expect(order()).toBe("1 2 3");
    pass(2);
    expect(order()).toBe("3 2 1");
  });

  it("waits ten seconds after a finger, which is over nothing", () => {
    const { pass, order, held, change } = begin();
    point(tile, "pointerdown", "touch");
    change();
    pass(9);
    expect([order(), held()]).toEqual(["1 2 3", false]);
    pass(2);
    expect(order()).toBe("3 2 1");
  });

  it("stands still while the focus is in the grid", () => {
    const { pass, order, held, change } = begin();
    tile.focus();
    change();
    pass(600);
    expect([order(), held()]).toEqual(["1 2 3", true]);
    tile.blur();
    pass(1);
    expect(order()).toBe("3 2 1");
  });

  it("lets a bed that calls come to the first page after ten seconds of rest, whatever points", () => {
    const { pass, order, change } = begin(2, views("3!", "1", "2"));
    point(tile);
    change();
    pass(9);
    expect(order()).toBe("1 2 3");
    pass(2);
    expect(order()).toBe("3 1 2");
  });

  it("holds what calls where it is in sight already", () => {
    const { pass, order, change } = begin(2, views("2!", "1", "3"));
    point(tile);
    change();
    pass(600);
    expect(order()).toBe("1 2 3");
  });
});
