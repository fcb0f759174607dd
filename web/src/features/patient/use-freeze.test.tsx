// @vitest-environment jsdom
import { act, renderHook } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { RESUME_MS, useFreeze } from "./use-freeze";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const pass = (ms: number): void => {
  act(() => {
    vi.advanceTimersByTime(ms);
  });
};

it("ends by itself after a minute without use", () => {
  const ended = vi.fn();
  const { result } = renderHook(() => useFreeze(1000, ended));
  act(() => {
    result.current.toggle();
  });
  expect(result.current.atMs).toBe(1000);
  pass(RESUME_MS - 1);
  expect(result.current.atMs).toBe(1000);
  pass(1);
  expect(result.current.atMs).toBeNull();
  expect(ended).toHaveBeenCalledOnce();
});

it("goes on as long as somebody uses the page", () => {
  const { result } = renderHook(() => useFreeze(1000, () => undefined));
  act(() => {
    result.current.start();
  });
  pass(RESUME_MS - 1);
  act(() => {
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft" }));
  });
  pass(RESUME_MS - 1);
  expect(result.current.atMs).toBe(1000);
});

it("keeps the time at which it began when it is started again", () => {
  let now = 1000;
  const { result, rerender } = renderHook(() => useFreeze(now, () => undefined));
  act(() => {
    result.current.start();
  });
  now = 5000;
  rerender();
  act(() => {
    result.current.start();
  });
  expect(result.current.atMs).toBe(1000);
  act(() => {
    result.current.toggle();
  });
  expect(result.current.atMs).toBeNull();
});
