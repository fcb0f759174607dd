/** What the server says when it refuses (RFC 9457), reduced to what the page can use. */
export interface Problem {
  readonly code: string;
  readonly detail: string;
  readonly retryAfterS: number | null;
}

/** An answer that is not what was asked for; queries and actions throw it. */
export class ProblemError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.code);
    this.name = "ProblemError";
    this.problem = problem;
  }
}

export async function problemOf(response: Response): Promise<Problem> {
  const retryAfter = Number(response.headers.get("retry-after"));
  const retryAfterS = Number.isFinite(retryAfter) && retryAfter > 0 ? retryAfter : null;
  try {
    const body: unknown = await response.json();
    if (typeof body === "object" && body !== null && "code" in body && typeof body.code === "string") {
      const detail = "detail" in body && typeof body.detail === "string" ? body.detail : "";
      return { code: body.code, detail, retryAfterS };
    }
  } catch {
    // not JSON: the status says enough
  }
  return { code: `http_${String(response.status)}`, detail: "", retryAfterS };
}

/** The problem behind whatever a query or an action threw. */
export function asProblem(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  return { code: "unreachable", detail: "", retryAfterS: null };
}
