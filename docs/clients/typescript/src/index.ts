export { LiveClient, type Link, type Listener, type Tokens, type Wish } from "./live.ts";
export type * from "./live-messages.ts";
export { Problem, Session } from "./session.ts";
export { type Block, BlockReader, Ring } from "./waveforms.ts";
