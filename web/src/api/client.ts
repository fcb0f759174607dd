/** The REST client, typed by the OpenAPI document of the server. */
import createClient from "openapi-fetch";

import type { Authentication } from "./authentication";
import { ProblemError, problemOf } from "./problem";
import type { paths } from "./schema";

export type Client = ReturnType<typeof createClient<paths>>;

export function createApi(authentication: Authentication): Client {
  const authorised = async (request: Request): Promise<Response> => {
    const again = request.clone();
    const first = await fetch(withToken(request, authentication));
    if (first.status !== 401 || !(await authentication.refresh())) return first;
    return fetch(withToken(again, authentication));
  };
  return createClient<paths>({ baseUrl: window.location.origin, fetch: authorised });
}

function withToken(request: Request, authentication: Authentication): Request {
  const { token } = authentication;
  if (token !== null) request.headers.set("authorization", `Bearer ${token}`);
  return request;
}

/** The body of an answer, or the server's problem thrown. */
export async function body<T>(
  answer: Promise<{ data?: T; response: Response; error?: unknown }>,
): Promise<T> {
  const { data, response, error } = await answer;
  if (data !== undefined && response.ok) return data;
  if (typeof error === "object" && error !== null && "code" in error && typeof error.code === "string") {
    const detail = "detail" in error && typeof error.detail === "string" ? error.detail : "";
    const retryAfter = Number(response.headers.get("retry-after"));
    throw new ProblemError({ code: error.code, detail, retryAfterS: retryAfter > 0 ? retryAfter : null });
  }
  throw new ProblemError(await problemOf(response));
}
