/** Log-in and REST. The types of paths and answers are those of the OpenAPI document. */
import type { paths } from "./rest.ts";

type Get<P extends keyof paths> = paths[P] extends {
  get: { responses: { 200: { content: { "application/json": infer Answer } } } };
}
  ? Answer
  : never;
type Readable = { [P in keyof paths]: Get<P> extends never ? never : P }[keyof paths];

/** A problem document (RFC 9457): decide by `code`, show `detail`. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  /** Seconds after which it may be tried again, where the server said so. */
  readonly retryAfterS: number | null;

  constructor(status: number, code: string, detail: string, retryAfterS: number | null) {
    super(`${code}: ${detail}`);
    this.status = status;
    this.code = code;
    this.retryAfterS = retryAfterS;
  }
}

const RENEW_BEFORE_MS = 60_000;

/** One log-in. Holds the access token and renews it; the refresh token is a cookie. */
export class Session {
  readonly origin: string;
  #token = "";
  #renewAtMs = 0;
  #cookie = ""; // only outside browsers, which keep it themselves and hide it from us
  #renewing: Promise<string> | null = null;

  private constructor(origin: string) {
    this.origin = origin.replace(/\/$/, "");
  }

  /** Log in with user name and password. */
  static async logIn(origin: string, username: string, password: string): Promise<Session> {
    const session = new Session(origin);
    const body = new URLSearchParams({ grant_type: "password", username, password });
    await session.#take(session.#fetch("/v1/token", { method: "POST", body }));
    return session;
  }

  /** Go on with the cookie of an earlier log-in in this browser. */
  static async resume(origin: string): Promise<Session> {
    const session = new Session(origin);
    await session.token();
    return session;
  }

  /** An access token that holds for a while; renewed when it would soon end. */
  async token(): Promise<string> {
    if (this.#token !== "" && Date.now() < this.#renewAtMs) return this.#token;
    // The refresh token works once: whoever asks meanwhile waits for the same answer.
    this.#renewing ??= this.#take(this.#fetch("/v1/token/refresh", { method: "POST" })).finally(
      () => {
        this.#renewing = null;
      },
    );
    return this.#renewing;
  }

  /** Milliseconds until the token is to be renewed. */
  get renewInMs(): number {
    return Math.max(0, this.#renewAtMs - Date.now());
  }

  /** Read a resource: `session.get("/v1/patients/{patient}", { patient: "p-7kd2m" })`. */
  async get<P extends Readable>(
    path: P,
    names: Readonly<Record<string, string>> = {},
    query: Readonly<Record<string, string | number>> = {},
  ): Promise<Get<P>> {
    const filled = String(path).replace(/\{(\w+)\}/g, (_, name: string) =>
      encodeURIComponent(names[name] ?? ""),
    );
    const search = new URLSearchParams(
      Object.entries(query).map(([name, value]) => [name, String(value)]),
    ).toString();
    const answer = await this.#fetch(search === "" ? filled : `${filled}?${search}`, {
      headers: { Authorization: `Bearer ${await this.token()}` },
    });
    return (await answer.json()) as Get<P>;
  }

  /** Log out: ends the session and all its tokens, also open sockets. */
  async end(): Promise<void> {
    await this.#fetch("/v1/token/revoke", { method: "POST" });
    this.#token = "";
  }

  async #take(asked: Promise<Response>): Promise<string> {
    const answer = await asked;
    const told = (await answer.json()) as { access_token: string; expires_in: number };
    this.#token = told.access_token;
    const lifeMs = told.expires_in * 1000;
    this.#renewAtMs = Date.now() + Math.max(lifeMs / 2, lifeMs - RENEW_BEFORE_MS);
    return this.#token;
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.#cookie !== "" && path.startsWith("/v1/token")) headers.set("Cookie", this.#cookie);
    const answer = await fetch(this.origin + path, { ...init, headers, credentials: "same-origin" });
    for (const line of answer.headers.getSetCookie()) this.#cookie = line.split(";")[0] ?? "";
    if (answer.ok) return answer;
    const problem = (await answer.json().catch(() => ({}))) as { code?: string; detail?: string };
    const after = answer.headers.get("Retry-After");
    throw new Problem(
      answer.status,
      problem.code ?? "unknown",
      problem.detail ?? answer.statusText,
      after === null ? null : Number(after),
    );
  }
}
