import { beforeEach, describe, expect, it } from "vitest";

import { Connection, type Listener, type Socket, type Timer, UNAUTHENTICATED } from "./connection";
import type { LiveMessage } from "./messages";

class FakeSocket implements Socket {
  binaryType: BinaryType = "blob";
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  readonly sent: Record<string, unknown>[] = [];
  closed = false;

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }

  close(): void {
    this.closed = true;
  }

  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

/** The network and the time around a connection, moved by hand. */
class Around {
  readonly sockets: FakeSocket[] = [];
  #nowMs = 0;
  #next = 1;
  readonly #timers = new Map<number, { atMs: number; call: () => void }>();

  open(): Socket {
    const socket = new FakeSocket();
    this.sockets.push(socket);
    return socket;
  }

  later(call: () => void, ms: number): Timer {
    const timer = this.#next++;
    this.#timers.set(timer, { atMs: this.#nowMs + ms, call });
    return timer;
  }

  cancel(timer: Timer): void {
    this.#timers.delete(timer);
  }

  random(): number {
    return 1;
  }

  pass(ms: number): void {
    const end = this.#nowMs + ms;
    for (;;) {
      const due = [...this.#timers].filter(([, { atMs }]) => atMs <= end).sort(([, a], [, b]) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.#timers.delete(due[0]);
      this.#nowMs = due[1].atMs;
      due[1].call();
    }
    this.#nowMs = end;
  }

  get last(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error("no socket was opened");
    return socket;
  }
}

describe("Connection", () => {
  let around: Around;
  let heard: LiveMessage[];
  let ends: (readonly [number, number | null])[];
  let connection: Connection;

  const signIn = (): void => {
    around.last.onopen?.();
    around.last.say({ kind: "auth", server_time: "2026-11-21T10:00:00Z" });
  };

  beforeEach(() => {
    around = new Around();
    heard = [];
    ends = [];
    const listener: Listener = {
      message: (message) => heard.push(message),
      blocks: () => undefined,
      closed: (code, retry) => ends.push([code, retry]),
    };
    connection = new Connection(around, listener, "first-token");
  });

  it("signs in first and asks for nothing before it may", () => {
    connection.subscribe({ id: "s1", ward: "w", what: ["vitals"] });
    expect(around.last.sent).toEqual([]);
    signIn();
    expect(around.last.sent).toEqual([
      { op: "auth", token: "first-token" },
      { op: "subscribe", id: "s1", ward: "w", what: ["vitals"], format: "binary" },
    ]);
  });

  it("comes back after a loss, waits longer each time, and goes on from its cursor", () => {
    connection.subscribe({ id: "s1", ward: "w", what: ["alarms"] });
    signIn();
    around.last.say({ id: "s1", kind: "subscribed", cursor: "7" });
    around.last.say({ id: "s1", kind: "event", cursor: "9", item: { id: "e", kind: "lead_off" } });
    around.last.onclose?.({ code: 1006 });
    around.pass(250);
    around.last.onclose?.({ code: 1006 });
    around.pass(500);
    expect(ends).toEqual([
      [1006, 250],
      [1006, 500],
    ]);
    expect(around.sockets).toHaveLength(3);
    signIn();
    expect(around.last.sent[1]).toMatchObject({ op: "subscribe", id: "s1", since: "9" });
  });

  it("takes the place of a quiet ward from each second's state, for what is confirmed", () => {
    connection.subscribe({ id: "s1", ward: "w", what: ["alarms"] });
    connection.subscribe({ id: "s2", ward: "w", what: ["waveforms"] });
    signIn();
    const state = (cursor: string | null): void => {
      around.last.say({ kind: "state", server_time: "2026-11-21T10:00:01Z", cursor, sources: [], simulated: true });
    };
    state("8.1"); // before the subscription is in force it says nothing about it
    around.last.say({ id: "s1", kind: "subscribed", cursor: "7.1", patients: [] });
    around.last.say({ id: "s2", kind: "subscribed", cursor: null, patients: [] });
    state("9.4");
    state(null);
    around.last.onclose?.({ code: 1006 });
    around.pass(250);
    signIn();
    expect(around.last.sent.slice(1).map(({ id, since }) => [id, since])).toEqual([
      ["s1", "9.4"],
      ["s2", undefined],
    ]);
  });

  it("asks again, and not at once, for what the server cannot give now", () => {
    connection.subscribe({ id: "s1", ward: "w", what: ["vitals"] });
    signIn();
    const asked = () => around.last.sent.filter(({ op }) => op === "subscribe").length;
    around.last.say({ id: "s1", kind: "error", code: "unavailable", detail: "the database is away" });
    around.pass(900);
    expect(asked()).toBe(1);
    around.pass(2100);
    expect(asked()).toBe(2);
    around.last.say({ id: "s1", kind: "subscribed", cursor: null, patients: [] });
    around.pass(4000);
    expect(asked()).toBe(2);
  });

  it("does not ask again for what is refused for good, or what was left meanwhile", () => {
    connection.subscribe({ id: "s1", ward: "w", what: ["vitals"] });
    connection.subscribe({ id: "s2", ward: "w", what: ["vitals"] });
    signIn();
    around.last.say({ id: "s1", kind: "error", code: "not_found", detail: "no such ward" });
    around.last.say({ id: "s2", kind: "error", code: "unavailable", detail: "" });
    connection.unsubscribe("s2");
    around.pass(4000);
    expect(around.last.sent.filter(({ op }) => op === "subscribe")).toHaveLength(2);
  });

  it("begins anew when it was away for too long", () => {
    connection.subscribe({ id: "s1", ward: "w", what: ["alarms"] });
    signIn();
    around.last.say({ id: "s1", kind: "subscribed", cursor: "7.1", patients: [] });
    around.last.onclose?.({ code: 1006 });
    around.pass(250);
    signIn();
    around.last.say({ id: "s1", kind: "error", code: "invalid", detail: "replay_too_long: subscribe without a cursor" });
    expect(around.last.sent.slice(1).map(({ since }) => since)).toEqual(["7.1", undefined]);
  });

  it("never waits longer than five seconds", () => {
    for (let i = 0; i < 12; i++) {
      around.last.onclose?.({ code: 1006 });
      around.pass(5000);
    }
    expect(Math.max(...ends.map(([, retry]) => retry ?? 0))).toBe(5000);
  });

  it("gives up a socket that is silent for five seconds", () => {
    signIn();
    around.pass(4900);
    around.last.say({ kind: "state", server_time: "2026-11-21T10:00:05Z", sources: [], simulated: true });
    around.pass(4900);
    expect(around.sockets).toHaveLength(1);
    around.pass(400);
    expect(around.sockets[0]?.closed).toBe(true);
    expect(around.sockets).toHaveLength(2);
  });

  it("waits for a new token when the old one is refused", () => {
    signIn();
    around.last.onclose?.({ code: UNAUTHENTICATED });
    around.pass(60_000);
    expect(around.sockets).toHaveLength(1);
    connection.renew("second-token");
    signIn();
    expect(around.last.sent[0]).toEqual({ op: "auth", token: "second-token" });
  });

  it("takes a new token while it runs, without asking for everything again", () => {
    connection.subscribe({ id: "s1", ward: "w", what: ["vitals"] });
    signIn();
    connection.renew("second-token");
    around.last.say({ kind: "auth", server_time: "2026-11-21T10:00:00Z" });
    expect(around.last.sent.map(({ op }) => op)).toEqual(["auth", "subscribe", "auth"]);
    expect(heard.map(({ kind }) => kind)).toEqual(["auth"]);
  });

  it("passes over what it does not know", () => {
    signIn();
    around.last.say({ kind: "weather", degrees: 20 });
    around.last.onmessage?.({ data: "not json" });
    around.last.say({ kind: "alarm", id: "s1", item: { nothing: true } });
    expect(heard.map(({ kind }) => kind)).toEqual(["auth"]);
  });

  it("speaks now and then, so that it is not cut off", () => {
    signIn();
    for (let second = 0; second < 45; second++) {
      around.pass(1000);
      around.last.say({ kind: "pong" });
    }
    expect(around.last.sent.filter(({ op }) => op === "ping")).toHaveLength(2);
  });
});
