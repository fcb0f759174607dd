// @vitest-environment jsdom
import { beforeEach, describe, expect, it } from "vitest";

import { applyTheme, chooseTheme, nextTheme, tellHour } from "./theme";

const look = (): string => {
  const { theme, night } = document.documentElement.dataset;
  return night === "on" ? `${theme ?? ""} night` : (theme ?? "");
};

describe("theme", () => {
  beforeEach(() => {
    localStorage.clear();
    chooseTheme("auto");
  });

  it.each([
    [21, "dark"],
    [22, "dark night"],
    [0, "dark night"],
    [5, "dark night"],
    [6, "dark"],
  ])("is by itself at %i o'clock %s", (hour, expected) => {
    tellHour(() => hour);
    expect(look()).toBe(expected);
  });

  it("follows the clock that it was told, not the browser's", () => {
    let hour = 21;
    tellHour(() => hour);
    hour = 22;
    applyTheme();
    expect(look()).toBe("dark night");
  });

  it("stays as chosen by hand", () => {
    tellHour(() => 23);
    chooseTheme("light");
    expect(look()).toBe("light");
    chooseTheme("night");
    tellHour(() => 12);
    expect(look()).toBe("dark night");
  });

  it("goes round", () => {
    expect(nextTheme("auto")).toBe("dark");
    expect(nextTheme("night")).toBe("auto");
  });
});
