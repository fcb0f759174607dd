// @vitest-environment jsdom
import { act, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

import { Loading } from "./loading";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it("says nothing of what comes within 300 ms", () => {
  render(<Loading />);
  act(() => {
    vi.advanceTimersByTime(299);
  });
  expect(screen.queryByRole("status")).toBeNull();
  act(() => {
    vi.advanceTimersByTime(1);
  });
  expect(screen.getByRole("status").textContent).toBe("Loading");
});
