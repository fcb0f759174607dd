import { describe, expect, it } from "vitest";

import { ServerClock } from "./server-clock";

describe("ServerClock", () => {
  it("knows nothing before the server has spoken", () => {
    const clock = new ServerClock(() => 5);
    expect(clock.known).toBe(false);
    expect(clock.now()).toBeNaN();
  });

  it("takes the message that was delayed least", () => {
    let local = 0;
    const clock = new ServerClock(() => local);
    local = 1200;
    clock.observe(1_000_000); // 200 ms on its way
    local = 2020;
    clock.observe(1_001_000); // 20 ms on its way
    local = 3500;
    clock.observe(1_002_000); // 500 ms on its way
    expect(clock.now()).toBe(1_002_480);
  });

  it("forgets after a minute, so that a corrected server clock counts", () => {
    let local = 0;
    const clock = new ServerClock(() => local);
    clock.observe(9_000_000);
    for (let second = 1; second <= 60; second++) {
      local = second * 1000;
      clock.observe(1_000_000 + local);
    }
    expect(clock.now()).toBe(1_060_000);
  });
});
