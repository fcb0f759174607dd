/**
 * Who is signed in: the short access token in memory, the refresh token in a cookie we cannot read.
 *
 * Only one tab refreshes at a time (the refresh token changes with each use).
 */
import { problemOf, type Problem } from "./problem";

export interface Signed {
  readonly token: string;
}

export type SignInState = "unknown" | "out" | "in";

const HINT = "vitalwire.signed-in"; // that a cookie may be there; without it nothing is asked
const EARLY_S = 30;
const AGAIN_S = 5;

export class Authentication {
  #token: string | null = null;
  #state: SignInState = "unknown";
  #timer: ReturnType<typeof setTimeout> | null = null;
  #refreshing: Promise<boolean> | null = null;
  readonly #listeners = new Set<() => void>();

  get token(): string | null {
    return this.#token;
  }

  readonly state = (): SignInState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  /** Go on with the session that the cookie holds, if there is one. */
  async resume(): Promise<void> {
    if (readHint()) await this.refresh();
    else this.#set(null);
  }

  /** Null when it worked, otherwise what the server said. */
  async signIn(username: string, password: string): Promise<Problem | null> {
    const body = new URLSearchParams({ grant_type: "password", username, password });
    const response = await reach("/v1/token", { method: "POST", body });
    if (response === null) return { code: "unreachable", detail: "", retryAfterS: null };
    if (!response.ok) return problemOf(response);
    await this.#accept(response);
    return null;
  }

  /** A new access token; false when the session is over. */
  async refresh(): Promise<boolean> {
    this.#refreshing ??= this.#refreshOnce().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  async signOut(): Promise<void> {
    const headers = this.#token === null ? {} : { authorization: `Bearer ${this.#token}` };
    this.#set(null);
    await reach("/v1/token/revoke", { method: "POST", headers });
  }

  async #refreshOnce(): Promise<boolean> {
    const response = await alone(() => reach("/v1/token/refresh", { method: "POST" }));
    if (response?.ok === true) {
      await this.#accept(response);
      return true;
    }
    // a server that is down ends no session: the next attempt may find it
    if (response === null || response.status >= 500 || response.status === 429) {
      if (this.#state === "in") this.#later(AGAIN_S);
      else this.#set(null);
      return false;
    }
    this.#set(null);
    return false;
  }

  async #accept(response: Response): Promise<void> {
    const body = (await response.json()) as { access_token: string; expires_in: number };
    this.#set(body.access_token);
    this.#later(Math.max(AGAIN_S, body.expires_in - Math.max(EARLY_S, body.expires_in * 0.2)));
  }

  #later(waitS: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.refresh(), waitS * 1000);
  }

  #set(token: string | null): void {
    this.#token = token;
    this.#state = token === null ? "out" : "in";
    writeHint(token !== null);
    if (token === null && this.#timer !== null) clearTimeout(this.#timer);
    for (const listener of [...this.#listeners]) listener();
  }
}

async function reach(path: string, init: RequestInit): Promise<Response | null> {
  try {
    return await fetch(path, { ...init, credentials: "same-origin" });
  } catch {
    return null;
  }
}

async function alone<T>(call: () => Promise<T>): Promise<T> {
  if (!("locks" in navigator)) return call();
  return navigator.locks.request("vitalwire.refresh", call);
}

function readHint(): boolean {
  try {
    return localStorage.getItem(HINT) === "yes";
  } catch {
    return true;
  }
}

function writeHint(signedIn: boolean): void {
  try {
    if (signedIn) localStorage.setItem(HINT, "yes");
    else localStorage.removeItem(HINT);
  } catch {
    // storage can be forbidden: the cookie alone decides then
  }
}
