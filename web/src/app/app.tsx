import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { useEffect, useState, useSyncExternalStore } from "react";

import { Authentication } from "../api/authentication";
import { ProblemError } from "../api/problem";
import { texts } from "../design/texts";
import { LoginPage } from "../features/login/login-page";
import { Boundary } from "../design/boundary";
import { Pages } from "./pages";
import { SessionProvider } from "./session-provider";

const MOST_RETRIES = 3;

function createQueries(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // the server's refusal is its answer; only silence is asked again
        retry: (count, error) => !(error instanceof ProblemError) && count < MOST_RETRIES,
        refetchOnWindowFocus: false,
        staleTime: 10_000,
      },
    },
  });
}

export function App() {
  const [authentication] = useState(() => new Authentication());
  const [queries] = useState(createQueries);
  const state = useSyncExternalStore(authentication.subscribe, authentication.state);

  useEffect(() => {
    void authentication.resume();
  }, [authentication]);

  useEffect(() => {
    if (state === "out") queries.clear();
  }, [state, queries]);

  if (state === "unknown") return null;
  return (
    <Boundary text={texts.error.page}>
      <QueryClientProvider client={queries}>
        {state === "out" ? (
          <LoginPage signIn={(name, password) => authentication.signIn(name, password)} />
        ) : (
          <SessionProvider authentication={authentication}>
            <Pages />
          </SessionProvider>
        )}
      </QueryClientProvider>
    </Boundary>
  );
}
