/** The live socket off the main thread: bytes are parsed here, samples arrive ready to draw. */
import type { Block } from "./binary";
import { Connection, type Socket, type Subscription, type Timer } from "./connection";
import type { LiveMessage } from "./messages";

export type ToWorker =
  | { readonly op: "open"; readonly url: string; readonly token: string }
  | { readonly op: "token"; readonly token: string }
  | { readonly op: "subscribe"; readonly subscription: Subscription }
  | { readonly op: "unsubscribe"; readonly id: string }
  | { readonly op: "retry" }
  | { readonly op: "close" };

export type FromWorker =
  | { readonly kind: "message"; readonly message: LiveMessage }
  | { readonly kind: "blocks"; readonly blocks: Block[] }
  | { readonly kind: "closed"; readonly code: number; readonly retryInMs: number | null };

const scope = self as unknown as {
  postMessage(message: FromWorker, transfer?: Transferable[]): void;
  onmessage: ((event: MessageEvent<ToWorker>) => void) | null;
};
let connection: Connection | null = null;

scope.onmessage = ({ data }) => {
  switch (data.op) {
    case "open":
      connection = new Connection(surroundings(data.url), listener, data.token);
      return;
    case "token":
      connection?.renew(data.token);
      return;
    case "subscribe":
      connection?.subscribe(data.subscription);
      return;
    case "unsubscribe":
      connection?.unsubscribe(data.id);
      return;
    case "retry":
      connection?.retry();
      return;
    case "close":
      connection?.close();
      connection = null;
      return;
    default:
      data satisfies never;
  }
};

const listener = {
  message: (message: LiveMessage) => {
    scope.postMessage({ kind: "message", message });
  },
  blocks: (blocks: Block[]) => {
    scope.postMessage(
      { kind: "blocks", blocks },
      blocks.map((block) => block.samples.buffer),
    );
  },
  closed: (code: number, retryInMs: number | null) => {
    scope.postMessage({ kind: "closed", code, retryInMs });
  },
};

function surroundings(url: string) {
  return {
    open: () => new WebSocket(url) as Socket,
    later: (call: () => void, ms: number) => setTimeout(call, ms),
    cancel: (timer: Timer) => {
      clearTimeout(timer);
    },
    random: Math.random,
  };
}
