// @vitest-environment jsdom
import { act, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { useDelayed } from "./use-delayed";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function pass(seconds: number): void {
  for (let i = 0; i < seconds; i++) {
    act(() => {
      vi.advanceTimersByTime(1000);
    });
  }
}

it("acts after five seconds", () => {
  const action = vi.fn();
  const { result } = renderHook(() => useDelayed(action));
  act(() => {
    result.current.start();
  });
  pass(4);
  expect(result.current.leftS).toBe(1);
  expect(action).not.toHaveBeenCalled();
  pass(1);
  expect(action).toHaveBeenCalledOnce();
  expect(result.current.leftS).toBeNull();
});

it("does nothing once it was taken back, or when its button has gone", () => {
  const action = vi.fn();
  const { result, unmount } = renderHook(() => useDelayed(action));
  act(() => {
    result.current.start();
  });
  pass(3);
  act(() => {
    result.current.undo();
  });
  pass(6);
  act(() => {
    result.current.start();
  });
  unmount();
  pass(6);
  expect(action).not.toHaveBeenCalled();
});
