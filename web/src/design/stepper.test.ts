import { describe, expect, it } from "vitest";

import { readNumber } from "./stepper";

describe("a number that is typed", () => {
  it.each([
    ["88", 88],
    [" 36,5 ", 36.5],
    ["−1.5", -1.5],
    ["", null],
    ["–", null],
    ["-", null],
    ["8x", undefined],
    ["1e999", undefined],
  ])("'%s' is %s", (text, number) => {
    expect(readNumber(text)).toBe(number);
  });
});
