/** The live side of a session: the worker with the socket, and the stores that it fills. */
import { AlarmStore } from "./alarms";
import { BeatStore } from "./beats";
import { UNAUTHENTICATED, type Subscription } from "./connection";
import { FrameLoop } from "./frame-loop";
import type { Alarm, LiveMessage } from "./messages";
import { Observable } from "./observable";
import { ServerClock } from "./server-clock";
import { VitalStore } from "./vitals";
import { WaveStore } from "./waves";
import type { FromWorker, ToWorker } from "./worker";

export type LinkState = "connecting" | "live" | "delayed" | "lost";

export interface Link {
  readonly state: LinkState;
  /** Age of the newest message. */
  readonly silentS: number;
  /** Age of the newest sample of all sources. */
  readonly delayS: number;
  /** Until the next attempt; null while one is under way. */
  readonly retryS: number | null;
}

export interface WorkerPort {
  postMessage(message: ToWorker): void;
  onmessage: ((event: MessageEvent<FromWorker>) => void) | null;
  terminate(): void;
}

/** No value may stand longer than five seconds after the last message: a little before is enough. */
const LOST_MS = 4500;
const DELAYED_S = 3;
const CHECK_MS = 250;
const LINGER_MS = 3000;

export class LiveConnection {
  readonly clock: ServerClock;
  readonly vitals = new VitalStore();
  readonly alarms = new AlarmStore();
  readonly beats = new BeatStore();
  readonly waves: WaveStore;
  readonly frames: FrameLoop;
  /** Changes once a second: numbers are shown no more often. */
  readonly tick = new Observable(0);
  readonly link = new Observable<Link>({ state: "connecting", silentS: 0, delayS: 0, retryS: null });
  readonly alarmVersion = new Observable(0);
  /** Grows with each link that came up: what was loaded before is to be loaded again. */
  readonly epoch = new Observable(0);
  readonly simulated = new Observable(false);
  /** Grows when somebody came to the ward or left it. */
  readonly residents = new Observable(0);
  /** Grows with each event and each change of an alarm. */
  readonly news = new Observable(0);
  onUnauthenticated: (() => void) | null = null;

  readonly #worker: WorkerPort;
  readonly #monotonic: () => number;
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  readonly #began: number;
  #heardMs = NaN;
  #retryAtMs: number | null = null;
  #sampleAgeS: number | null = null;
  #subscriptions = 0;

  constructor(worker: WorkerPort, url: string, token: string, monotonic: () => number) {
    this.#worker = worker;
    this.#monotonic = monotonic;
    this.#began = monotonic();
    this.clock = new ServerClock(monotonic);
    this.waves = new WaveStore(monotonic);
    this.frames = new FrameLoop(this.clock);
    worker.onmessage = ({ data }) => {
      this.#take(data);
    };
    worker.postMessage({ op: "open", url, token });
    this.#timers.push(setInterval(() => {
      this.#check();
    }, CHECK_MS));
    this.#timers.push(setInterval(() => {
      this.tick.set(this.tick.get() + 1);
    }, 1000));
  }

  /** Ask for a kind of live data; the answer ends it. */
  subscribe(what: Omit<Subscription, "id">): () => void {
    this.#subscriptions += 1;
    const id = `s${String(this.#subscriptions)}`;
    this.#worker.postMessage({ op: "subscribe", subscription: { id, ...what } });
    return () => {
      // what the next page asks for is under way before this ends, so a trace has no hole
      setTimeout(() => {
        this.#worker.postMessage({ op: "unsubscribe", id });
      }, LINGER_MS);
    };
  }

  /** Seconds since the last message. */
  silence(): number {
    return (this.#monotonic() - (Number.isNaN(this.#heardMs) ? this.#began : this.#heardMs)) / 1000;
  }

  renew(token: string): void {
    this.#worker.postMessage({ op: "token", token });
  }

  retry(): void {
    this.#worker.postMessage({ op: "retry" });
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#worker.postMessage({ op: "close" });
    this.#worker.terminate();
  }

  #take(data: FromWorker): void {
    switch (data.kind) {
      case "message":
        this.#hear(data.message);
        return;
      case "blocks": {
        this.#heardMs = this.#monotonic();
        const now = this.clock.now();
        for (const block of data.blocks) this.waves.receive(block, now);
        return;
      }
      case "closed":
        this.#retryAtMs = data.retryInMs === null ? null : this.#monotonic() + data.retryInMs;
        if (data.code === UNAUTHENTICATED) this.onUnauthenticated?.();
        return;
      default:
        data satisfies never;
    }
  }

  #hear(message: LiveMessage): void {
    this.#heardMs = this.#monotonic();
    switch (message.kind) {
      case "auth":
        this.#observe(message.serverMs);
        this.#retryAtMs = null;
        this.alarms.forget();
        this.#alarmsChanged();
        this.epoch.set(this.epoch.get() + 1);
        break;
      case "state":
        this.#observe(message.serverMs);
        this.#sampleAgeS = youngest(message.sources);
        this.simulated.set(message.simulated);
        break;
      case "vitals":
        this.vitals.receive(message.items);
        break;
      case "beats":
        this.beats.receive(message.items);
        break;
      case "alarm":
        this.alarms.receive(message.alarm);
        this.#alarmsChanged();
        this.news.set(this.news.get() + 1);
        break;
      case "patients":
        this.residents.set(this.residents.get() + 1);
        break;
      case "event":
        this.news.set(this.news.get() + 1);
        break;
      case "gap":
      case "subscribed":
      case "pong":
      case "error":
        break;
      default:
        message satisfies never;
    }
    this.#check();
  }

  /** Tell those who show alarms that the store changed. */
  #alarmsChanged(): void {
    this.alarmVersion.set(this.alarms.version);
  }

  loadAlarms(ward: string, alarms: readonly Alarm[]): void {
    this.alarms.load(ward, alarms);
    this.#alarmsChanged();
  }

  /** The server's answer to an action on an alarm. */
  receiveAlarm(alarm: Alarm): void {
    this.alarms.receive(alarm);
    this.#alarmsChanged();
  }

  /** What was loaded is to be loaded again. */
  reload(): void {
    this.epoch.set(this.epoch.get() + 1);
  }

  #observe(serverMs: number | null): void {
    if (serverMs !== null) this.clock.observe(serverMs);
  }

  #check(): void {
    const now = this.#monotonic();
    const heard = !Number.isNaN(this.#heardMs);
    const silentMs = now - (heard ? this.#heardMs : this.#began);
    const delayS = this.#sampleAgeS ?? 0;
    const retryS = this.#retryAtMs === null ? null : Math.max(0, Math.ceil((this.#retryAtMs - now) / 1000));
    let state: LinkState = delayS > DELAYED_S ? "delayed" : "live";
    if (silentMs >= LOST_MS) state = "lost";
    else if (!heard) state = "connecting";
    const before = this.link.get();
    const counts = state === "lost" && Math.floor(silentMs / 1000) !== Math.floor(before.silentS);
    const moved = state === "delayed" && delayS !== before.delayS;
    if (state !== before.state || counts || moved) {
      if (state === "lost" && before.state !== "lost") {
        this.alarms.forget();
        this.#alarmsChanged();
      }
      this.link.set({ state, silentS: silentMs / 1000, delayS, retryS });
    }
  }
}

function youngest(sources: readonly { readonly ageS: number }[]): number | null {
  let age: number | null = null;
  for (const source of sources) if (age === null || source.ageS < age) age = source.ageS;
  return age;
}
