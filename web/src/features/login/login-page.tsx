import { TriangleAlert } from "lucide-react";
import { type SubmitEvent, useEffect, useId, useState } from "react";

import type { Problem } from "../../api/problem";
import { Button } from "../../design/button";
import { Logo } from "../../design/logo";
import { texts } from "../../design/texts";
import styles from "./login-page.module.css";
import { LoginTrace } from "./login-trace";

interface Properties {
  readonly signIn: (name: string, password: string) => Promise<Problem | null>;
}

export function LoginPage({ signIn }: Properties) {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [waiting, setWaiting] = useState(false);
  const messageId = useId();

  useEffect(() => {
    document.title = `${texts.login.title} · ${texts.product}`;
  }, []);

  const submit = (event: SubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    setWaiting(true);
    setProblem(null);
    void signIn(text(fields.get("username")), text(fields.get("password"))).then((answer) => {
      setWaiting(false);
      setProblem(answer);
    });
  };

  const wrong = problem?.code === "bad_credentials";
  return (
    <main className={styles["page"]}>
      <LoginTrace className={styles["trace"]} />
      <form className={styles["form"]} onSubmit={submit}>
        <div className={styles["brand"]}>
          <Logo size={44} />
          {texts.product}
        </div>
        <h1>{texts.login.title}</h1>
        <label className={styles["field"]}>
          {texts.login.name}
          <input className={styles["input"]} name="username" autoComplete="username" autoCapitalize="none" spellCheck={false} required autoFocus />
        </label>
        <label className={styles["field"]}>
          {texts.login.password}
          <input
            className={styles["input"]}
            name="password"
            type="password"
            autoComplete="current-password"
            required
            aria-invalid={wrong}
            aria-describedby={problem === null ? undefined : messageId}
          />
        </label>
        <div role="alert" id={messageId}>
          {problem !== null && (
            <p className={styles["problem"]}>
              <TriangleAlert size={16} aria-hidden="true" />
              {messageOf(problem)}
            </p>
          )}
        </div>
        <Button type="submit" look="main" size="large" disabled={waiting}>
          {waiting ? texts.login.submitting : texts.login.submit}
        </Button>
        <p className={styles["note"]}>{texts.login.note}</p>
      </form>
    </main>
  );
}

function messageOf({ code, retryAfterS }: Problem): string {
  if (code === "rate_limited" && retryAfterS !== null) return texts.login.retryAfter(retryAfterS);
  return texts.login.problems[code] ?? texts.login.otherProblem;
}

function text(value: FormDataEntryValue | null): string {
  return typeof value === "string" ? value : "";
}
