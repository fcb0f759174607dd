/**
 * The live socket: signs in, subscribes, watches for silence, and comes back by itself.
 *
 * After a loss every subscription is made again from its newest cursor, so that no alarm and no
 * event is missed or told twice. Values and samples need no cursor: the newest come again.
 */
import type { Alarm, Beat, Event, Said, Subscribe, Told } from "./live-messages.ts";
import { type Block, BlockReader } from "./waveforms.ts";

export type Wish = Omit<Subscribe, "op" | "id" | "format" | "since">;

/** What a subscription brings. Each is called with what it is about; leave out what you ignore. */
export interface Listener {
  vitals?(items: Extract<Told, { kind: "vitals" }>["items"]): void;
  /** As they are found: late ones and corrected ones too, so keep them by their time. */
  beats?(items: readonly Beat[]): void;
  alarm?(alarm: Alarm["item"]): void;
  event?(event: Event["item"]): void;
  blocks?(blocks: readonly Block[]): void;
  /** Samples, or beats (stream `beats`), that will not come: this link is slow. */
  gap?(gap: Extract<Told, { kind: "gap" }>): void;
  /** Whom it brings, at its begin, after each loss and when it changed: load lists anew. */
  patients?(patients: readonly string[]): void;
  /** It could not be begun; it is not tried again. */
  refused?(error: Extract<Told, { kind: "error" }>): void;
}

/** How the link is. `code` as the server closed it: see the table in the README. */
export type Link =
  | { readonly state: "live" }
  | { readonly state: "lost"; readonly code: number; readonly retryInMs: number }
  | { readonly state: "ended"; readonly code: number };

/** Where tokens come from: a `Session`, or anything like it. */
export interface Tokens {
  readonly origin: string;
  readonly renewInMs: number;
  token(): Promise<string>;
}

interface Wanted {
  readonly wish: Wish;
  readonly listener: Listener;
  cursor: string | null;
  confirmed: boolean;
}

const NOT_AUTHENTICATED = 4001;
const FORBIDDEN = 4003;
const SILENCE_MS = 5000; // the server speaks each second
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 10_000;
const LOST = 1006;
const TOO_LONG = "replay_too_long";

export class LiveClient {
  readonly #tokens: Tokens;
  readonly #onLink: (link: Link) => void;
  readonly #onState: (state: Extract<Told, { kind: "state" }>) => void;
  readonly #wanted = new Map<string, Wanted>();
  #socket: WebSocket | null = null;
  #reader = new BlockReader();
  #signedIn = false;
  #closed = false;
  #failures = 0;
  #made = 0;
  #refusedTokens = 0;
  #watchdog: ReturnType<typeof setTimeout> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #renewal: ReturnType<typeof setTimeout> | undefined;

  constructor(
    tokens: Tokens,
    told: {
      link?: (link: Link) => void;
      /** Each second: the server's time and the age of each source. */
      state?: (state: Extract<Told, { kind: "state" }>) => void;
    } = {},
  ) {
    this.#tokens = tokens;
    this.#onLink = told.link ?? (() => undefined);
    this.#onState = told.state ?? (() => undefined);
    void this.#connect();
  }

  /** Ask for live data; the answer ends it. */
  subscribe(wish: Wish, listener: Listener): () => void {
    const id = `s${String(++this.#made)}`;
    const wanted: Wanted = { wish, listener, cursor: null, confirmed: false };
    this.#wanted.set(id, wanted);
    if (this.#signedIn) this.#ask(id, wanted);
    return () => {
      if (this.#wanted.delete(id) && this.#signedIn) this.#say({ op: "unsubscribe", id });
    };
  }

  /** End it for good. */
  close(): void {
    this.#closed = true;
    this.#drop();
  }

  async #connect(): Promise<void> {
    let token: string;
    try {
      token = await this.#tokens.token();
    } catch (error) {
      const status = (error as { status?: unknown }).status;
      if (status === 401 || status === 403) this.#end(NOT_AUTHENTICATED);
      else this.#again(LOST);
      return;
    }
    if (this.#closed) return;
    const socket = new WebSocket(`${this.#tokens.origin.replace(/^http/, "ws")}/v1/live`);
    socket.binaryType = "arraybuffer";
    this.#socket = socket;
    this.#reader = new BlockReader();
    socket.onopen = () => {
      this.#say({ op: "auth", token });
    };
    socket.onmessage = (event: MessageEvent<unknown>) => {
      if (socket === this.#socket) this.#heard(event.data);
    };
    socket.onclose = (event) => {
      if (socket === this.#socket) this.#lost(event.code);
    };
    this.#watch();
  }

  #heard(data: unknown): void {
    this.#watch();
    if (data instanceof ArrayBuffer) {
      this.#hand(this.#reader.read(data));
      return;
    }
    if (typeof data !== "string") return;
    const told = JSON.parse(data) as Told;
    switch (told.kind) {
      case "auth":
        this.#hold();
        if (this.#signedIn) return; // the answer to a newer token
        this.#signedIn = true;
        this.#failures = this.#refusedTokens = 0;
        for (const [id, wanted] of this.#wanted) this.#ask(id, wanted);
        this.#onLink({ state: "live" });
        return;
      case "state":
        if (told.cursor !== null) {
          for (const wanted of this.#wanted.values()) {
            if (wanted.confirmed) wanted.cursor = told.cursor;
          }
        }
        this.#onState(told);
        return;
      case "error": {
        const wanted = this.#wanted.get(told.id ?? "");
        if (wanted === undefined) return;
        if (told.code === "unavailable") {
          this.#leave(LOST); // a moment later it can be begun where it was
          return;
        }
        if (told.detail.startsWith(TOO_LONG) && wanted.cursor !== null) {
          wanted.cursor = null; // away for too long: begin anew, lists are loaded anew
          this.#ask(told.id ?? "", wanted);
          return;
        }
        this.#wanted.delete(told.id ?? "");
        wanted.listener.refused?.(told);
        return;
      }
      case "pong":
      case "unsubscribed":
      case "waveform":
        return;
      default:
        this.#tell(told);
    }
  }

  #tell(told: Exclude<Told, { kind: "auth" | "state" | "error" | "pong" | "unsubscribed" | "waveform" }>): void {
    const wanted = this.#wanted.get(told.id);
    if (wanted === undefined) return;
    const { listener } = wanted;
    switch (told.kind) {
      case "subscribed":
        wanted.confirmed = true;
        wanted.cursor = told.cursor;
        listener.patients?.(told.patients);
        return;
      case "patients":
        listener.patients?.(told.patients);
        return;
      case "vitals":
        listener.vitals?.(told.items);
        return;
      case "beats":
        listener.beats?.(told.items);
        return;
      case "alarm":
        wanted.cursor = told.cursor;
        listener.alarm?.(told.item);
        return;
      case "event":
        wanted.cursor = told.cursor;
        listener.event?.(told.item);
        return;
      case "gap":
        listener.gap?.(told);
        return;
      default:
        told satisfies never; // a later version's kinds are passed over
    }
  }

  #hand(blocks: readonly Block[]): void {
    const ids = new Set(blocks.map((block) => block.header.id));
    for (const id of ids) {
      this.#wanted.get(id)?.listener.blocks?.(blocks.filter((block) => block.header.id === id));
    }
  }

  #ask(id: string, wanted: Wanted): void {
    wanted.confirmed = false;
    const since = wanted.cursor === null ? {} : { since: wanted.cursor };
    this.#say({ op: "subscribe", id, ...wanted.wish, ...since });
  }

  #say(message: Said): void {
    this.#socket?.send(JSON.stringify(message));
  }

  /** Give the server a newer token before this one ends. */
  #hold(): void {
    clearTimeout(this.#renewal);
    this.#renewal = setTimeout(() => {
      this.#tokens.token().then(
        (token) => {
          this.#say({ op: "auth", token });
        },
        () => undefined, // the server closes with 4001, and we ask anew
      );
    }, this.#tokens.renewInMs + 100);
  }

  #watch(): void {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => {
      this.#leave(LOST);
    }, SILENCE_MS);
  }

  #leave(code: number): void {
    this.#drop();
    this.#lost(code);
  }

  #drop(): void {
    for (const timer of [this.#watchdog, this.#retry, this.#renewal]) clearTimeout(timer);
    const socket = this.#socket;
    this.#socket = null;
    this.#signedIn = false;
    if (socket === null) return;
    socket.onmessage = socket.onclose = null;
    socket.close();
  }

  #lost(code: number): void {
    this.#drop();
    if (this.#closed) return;
    // 4001: the token was refused. Once it may have ended on the way; twice the log-in has ended.
    if (code === NOT_AUTHENTICATED && ++this.#refusedTokens < 2) this.#again(code);
    else if (code === NOT_AUTHENTICATED || code === FORBIDDEN) this.#end(code);
    else this.#again(code);
  }

  #again(code: number): void {
    const most = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures++);
    const retryInMs = most * (0.5 + 0.5 * Math.random());
    this.#retry = setTimeout(() => void this.#connect(), retryInMs);
    this.#onLink({ state: "lost", code, retryInMs });
  }

  #end(code: number): void {
    this.#closed = true;
    this.#onLink({ state: "ended", code });
  }
}
