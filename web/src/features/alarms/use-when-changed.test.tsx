// @vitest-environment jsdom
import { act, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { useWhenChanged } from "./use-when-changed";

const acted = vi.fn();

function opened(first: string | null) {
  return renderHook(({ state }: { state: string | null }) => { useWhenChanged(state, acted); }, { initialProps: { state: first } });
}
function pass(ms: number): void {
  act(() => {
    vi.advanceTimersByTime(ms);
  });
}

beforeEach(() => {
  acted.mockReset();
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it("acts once for changes that come together, and again for the next", () => {
  const hook = opened("a");
  pass(5000);
  expect(acted).not.toHaveBeenCalled();
  hook.rerender({ state: "b" });
  pass(300);
  hook.rerender({ state: "c" });
  pass(300);
  expect(acted).not.toHaveBeenCalled();
  pass(500);
  expect(acted).toHaveBeenCalledOnce();
  hook.rerender({ state: "d" });
  pass(800);
  expect(acted).toHaveBeenCalledTimes(2);
});

it("does not take what was not known for a change", () => {
  const hook = opened(null);
  hook.rerender({ state: "a" });
  pass(1000);
  hook.rerender({ state: null });
  pass(1000);
  hook.rerender({ state: "a" });
  pass(1000);
  expect(acted).not.toHaveBeenCalled();
  hook.rerender({ state: "b" });
  pass(1000);
  expect(acted).toHaveBeenCalledOnce();
});
