/**
 * The one socket of the page: signs in, subscribes, watches for silence and comes back by itself.
 *
 * Runs in a worker; sockets and timers are handed in. After each reconnection every subscription is
 * made again from its last cursor, so that no alarm and no event is missed.
 */
import { type Block, BlockReader } from "./binary";
import { type LiveMessage, parseMessage } from "./messages";

export interface Subscription {
  readonly id: string;
  readonly ward?: string;
  readonly patients?: readonly string[];
  readonly what: readonly ("vitals" | "alarms" | "events" | "waveforms" | "beats")[];
  readonly streams?: readonly string[];
  readonly rate?: number;
}

export interface Socket {
  binaryType: BinaryType;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
  send(text: string): void;
  close(): void;
}

export type Timer = ReturnType<typeof setTimeout>;

export interface Surroundings {
  open(): Socket;
  later(call: () => void, ms: number): Timer;
  cancel(timer: Timer): void;
  random(): number;
}

export interface Listener {
  message(message: LiveMessage): void;
  blocks(blocks: Block[]): void;
  /** The socket ended; it is tried again after `retryInMs`, or never before a new token (null). */
  closed(code: number, retryInMs: number | null): void;
}

export const UNAUTHENTICATED = 4001;
const FORBIDDEN = 4003;
const SILENCE_MS = 5000; // the server speaks each second
const PING_MS = 20_000;
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 5000;
const UNAVAILABLE_MS = 2000; // a server without its database answers at once: asked again at leisure
const TOO_LONG = "replay_too_long";

export class Connection {
  readonly #around: Surroundings;
  readonly #listener: Listener;
  readonly #wanted = new Map<string, Subscription>();
  /** The place in the feed of each subscription that the server has confirmed. */
  readonly #cursors = new Map<string, string>();
  /** Confirmed on this socket: what `state` tells is their place too. */
  readonly #confirmed = new Set<string>();
  readonly #again = new Map<string, Timer>();
  #token: string;
  #socket: Socket | null = null;
  #reader = new BlockReader();
  #authenticated = false;
  #failures = 0;
  #timer: Timer | null = null;
  #watchdog: Timer | null = null;
  #ping: Timer | null = null;

  constructor(around: Surroundings, listener: Listener, token: string) {
    this.#around = around;
    this.#listener = listener;
    this.#token = token;
    this.#connect();
  }

  /** Use this token from now on; a connection refused for its old one comes back at once. */
  renew(token: string): void {
    this.#token = token;
    if (this.#socket === null) this.retry();
    else if (this.#authenticated) this.#send({ op: "auth", token });
  }

  retry(): void {
    if (this.#socket !== null) return;
    this.#connect();
  }

  subscribe(subscription: Subscription): void {
    this.#wanted.set(subscription.id, subscription);
    if (this.#authenticated) this.#ask(subscription);
  }

  unsubscribe(id: string): void {
    this.#wanted.delete(id);
    this.#cursors.delete(id);
    this.#confirmed.delete(id);
    if (this.#authenticated) this.#send({ op: "unsubscribe", id });
  }

  close(): void {
    this.#stopTimers();
    const socket = this.#socket;
    this.#socket = null;
    if (socket === null) return;
    socket.onclose = null;
    socket.onmessage = null;
    socket.close();
  }

  #connect(): void {
    this.#stopTimers();
    this.#authenticated = false;
    this.#confirmed.clear();
    this.#reader = new BlockReader();
    const socket = this.#around.open();
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.#send({ op: "auth", token: this.#token });
    };
    socket.onmessage = (event) => {
      this.#heard(event.data);
    };
    socket.onclose = (event) => {
      this.#ended(event.code);
    };
    this.#watch();
  }

  #heard(data: unknown): void {
    this.#watch();
    if (data instanceof ArrayBuffer) {
      const blocks = this.#reader.read(data);
      if (blocks.length > 0) this.#listener.blocks(blocks);
      return;
    }
    if (typeof data !== "string") return;
    const message = parseMessage(data);
    if (message === null) return;
    if (message.kind === "auth") {
      if (this.#authenticated) return; // the answer to a newer token: all goes on as it was
      this.#authenticated = true;
      this.#keepAwake();
      this.#failures = 0;
      for (const subscription of this.#wanted.values()) this.#ask(subscription);
    }
    this.#follow(message);
    this.#listener.message(message);
  }

  /** Keep the place in the feed, and ask again for what the server could not give. */
  #follow(message: LiveMessage): void {
    switch (message.kind) {
      case "subscribed":
        if (!this.#wanted.has(message.id)) return;
        this.#confirmed.add(message.id);
        if (message.cursor !== null) this.#cursors.set(message.id, message.cursor);
        return;
      case "alarm":
      case "event":
        if (message.cursor !== null && this.#wanted.has(message.id)) this.#cursors.set(message.id, message.cursor);
        return;
      case "state":
        if (message.cursor === null) return;
        for (const id of this.#confirmed) if (this.#cursors.has(id)) this.#cursors.set(id, message.cursor);
        return;
      case "error":
        this.#refused(message.id ?? "", message.code, message.detail);
        return;
      default:
    }
  }

  #refused(id: string, code: string, detail: string): void {
    const subscription = this.#wanted.get(id);
    if (subscription === undefined || this.#confirmed.has(id)) return;
    if (detail.startsWith(TOO_LONG) && this.#cursors.delete(id)) this.#ask(subscription); // lists are loaded anew anyway
    if (code !== "unavailable" || this.#again.has(id)) return;
    const ask = (): void => {
      this.#again.delete(id);
      const still = this.#wanted.get(id);
      if (still !== undefined && this.#authenticated && !this.#confirmed.has(id)) this.#ask(still);
    };
    this.#again.set(id, this.#around.later(ask, UNAVAILABLE_MS * (0.5 + this.#around.random())));
  }

  #ended(code: number): void {
    this.#stopTimers();
    const socket = this.#socket;
    this.#socket = null;
    this.#authenticated = false;
    if (socket !== null) socket.onclose = socket.onmessage = null;
    if (code === UNAUTHENTICATED || code === FORBIDDEN) {
      this.#listener.closed(code, null);
      return;
    }
    const ceiling = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures);
    const wait = ceiling * (0.5 + 0.5 * this.#around.random());
    this.#failures += 1;
    this.#timer = this.#around.later(() => {
      this.#connect();
    }, wait);
    this.#listener.closed(code, wait);
  }

  #watch(): void {
    if (this.#watchdog !== null) this.#around.cancel(this.#watchdog);
    this.#watchdog = this.#around.later(() => {
      const silent = this.#socket;
      if (silent === null) return;
      silent.onclose = silent.onmessage = null;
      silent.close();
      this.#ended(1006);
    }, SILENCE_MS);
  }

  /** The server cuts off clients that never speak. */
  #keepAwake(): void {
    this.#ping = this.#around.later(() => {
      this.#send({ op: "ping" });
      this.#keepAwake();
    }, PING_MS);
  }

  #stopTimers(): void {
    for (const timer of [this.#timer, this.#watchdog, this.#ping, ...this.#again.values()]) {
      if (timer !== null) this.#around.cancel(timer);
    }
    this.#again.clear();
    this.#timer = this.#watchdog = this.#ping = null;
  }

  #ask(subscription: Subscription): void {
    const cursor = this.#cursors.get(subscription.id);
    const since = cursor === undefined ? {} : { since: cursor };
    this.#send({ op: "subscribe", ...subscription, format: "binary", ...since });
  }

  #send(message: object): void {
    this.#socket?.send(JSON.stringify(message));
  }
}
