import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { LiveConnection, type WorkerPort } from "./live-connection";
import type { LiveMessage } from "./messages";
import type { FromWorker, ToWorker } from "./worker";

class FakeWorker implements WorkerPort {
  readonly got: ToWorker[] = [];
  onmessage: ((event: MessageEvent<FromWorker>) => void) | null = null;
  ended = false;
  postMessage(message: ToWorker): void {
    this.got.push(message);
  }
  terminate(): void {
    this.ended = true;
  }
  say(message: LiveMessage): void {
    this.onmessage?.({ data: { kind: "message", message } } as MessageEvent<FromWorker>);
  }
}

describe("LiveConnection", () => {
  let worker: FakeWorker;
  let live: LiveConnection;
  const state = (ageS = 1): LiveMessage => ({
    kind: "state",
    serverMs: 1_000_000 + performance.now(),
    simulated: true,
    cursor: null,
    sources: [{ patient: "p", device: "d", stream: "ecg", ageS }],
  });

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "setTimeout", "clearTimeout", "performance"] });
    worker = new FakeWorker();
    live = new LiveConnection(worker, "ws://x/v1/live", "t", () => performance.now());
  });
  afterEach(() => {
    live.close();
    vi.useRealTimers();
  });

  it("is lost before five seconds of silence are over, and alarms are not known then", () => {
    worker.say({ kind: "auth", serverMs: 0 });
    live.loadAlarms("w", []);
    worker.say(state());
    expect(live.link.get().state).toBe("live");
    expect(live.alarms.known).toBe(true);
    vi.advanceTimersByTime(4000);
    expect(live.link.get().state).toBe("live");
    vi.advanceTimersByTime(900);
    expect(live.link.get().state).toBe("lost");
    expect(live.alarms.known).toBe(false);
  });

  it("counts the seconds of a loss, and is live again with the first message", () => {
    worker.say(state());
    vi.advanceTimersByTime(12_000);
    expect(Math.floor(live.link.get().silentS)).toBe(12);
    worker.say(state());
    expect(live.link.get().state).toBe("live");
  });

  it("says how late samples are", () => {
    worker.say(state(4.2));
    expect(live.link.get()).toMatchObject({ state: "delayed", delayS: 4.2 });
  });

  it("is lost when the server never answers", () => {
    expect(live.link.get().state).toBe("connecting");
    vi.advanceTimersByTime(5000);
    expect(live.link.get().state).toBe("lost");
  });

  it("asks to load again after each sign-in, and for a token when it is refused", () => {
    const refused = vi.fn();
    live.onUnauthenticated = refused;
    worker.say({ kind: "auth", serverMs: 0 });
    worker.say({ kind: "auth", serverMs: 0 });
    expect(live.epoch.get()).toBe(2);
    worker.onmessage?.({ data: { kind: "closed", code: 4001, retryInMs: null } } as MessageEvent<FromWorker>);
    expect(refused).toHaveBeenCalledOnce();
  });

  it("tells when somebody came to the ward or left it", () => {
    const told = vi.fn();
    live.residents.subscribe(told);
    worker.say({ kind: "patients", id: "s1", patients: ["p", "q"] });
    expect(told).toHaveBeenCalledOnce();
  });

  it("keeps a subscription for a moment after it was left, so that pages change without a hole", () => {
    const leave = live.subscribe({ ward: "w", what: ["waveforms"] });
    leave();
    expect(worker.got.some(({ op }) => op === "unsubscribe")).toBe(false);
    vi.advanceTimersByTime(3000);
    expect(worker.got.at(-1)).toEqual({ op: "unsubscribe", id: "s1" });
  });
});
