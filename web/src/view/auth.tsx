/** Signing in and making an account. */
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../api/client.ts";
import { failure } from "../model/wording.ts";
import { useApp } from "./context.ts";
import { Mark } from "./sidebar.tsx";
import { Field } from "./viewheader.tsx";

const SHORTEST_PASSWORD = 8;
/** In the order of the form. */
const FIELDS = ["name", "email", "password"] as const;

type Problems = { [field in typeof FIELDS[number] | "form"]?: string };

export function Auth(): JSX.Element {
  const app = useApp();
  const { session, router } = app;
  const making = router.view.value.name === "sign-up";
  const state = session.session.value;
  const expired = state.state === "signed-out" && state.expired;
  const [name, setName] = useState("");
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [problems, setProblems] = useState<Problems>({});
  const form = useRef<HTMLFormElement>(null);

  // One form becomes the other: it begins at its first field, without what was wrong in the one before.
  useEffect(() => {
    setProblems({});
    form.current?.querySelector("input")?.focus();
  }, [making]);
  // What was wrong is where typing goes on.
  const wrong = FIELDS.find((field) => problems[field] !== undefined);
  useEffect(() => {
    if (wrong !== undefined) form.current?.querySelector<HTMLInputElement>(`[name=${wrong}]`)?.focus();
  }, [problems]);

  // Where it leads afterwards stays in the address from one form to the other.
  const { search: query } = app.platform.history.read();

  const submit = async () => {
    const found: Problems = {};
    if (making && name.trim() === "") found.name = "Tell us what to call you.";
    if (email.trim() === "") found.email = "The e-mail address is missing.";
    else if (!/^\S+@\S+$/.test(email.trim())) found.email = "This does not look like an e-mail address.";
    if (making && password.length < SHORTEST_PASSWORD) {
      found.password = `Use at least ${SHORTEST_PASSWORD} characters.`;
    } else if (password === "") found.password = "The password is missing.";
    setProblems(found);
    if (Object.keys(found).length > 0) return;
    setBusy(true);
    try {
      if (making) await session.signUp(name.trim(), email.trim(), password);
      else await session.signIn(email.trim(), password);
    } catch (error) {
      setProblems(problemOf(error, making));
      setBusy(false);
    }
  };

  return (
    <main class="auth">
      <div class="auth-card">
        <div class="wordmark large">
          <Mark />
          Rondo
        </div>
        <h1>{making ? "Create your account" : "Sign in"}</h1>
        {expired && !making && (
          <p class="auth-note" role="status">Your session has ended. Sign in to go on.</p>
        )}
        <form
          ref={form}
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            void submit();
          }}
        >
          {problems.form && <p class="field-problem" role="alert">{problems.form}</p>}
          {making && (
            <Field label="Name" problem={problems.name}>
              {(id, described) => (
                <input
                  id={id}
                  class="input"
                  name="name"
                  dir="auto"
                  autoComplete="name"
                  maxLength={100}
                  value={name}
                  aria-describedby={described}
                  aria-invalid={problems.name !== undefined}
                  onInput={(event) => setName(event.currentTarget.value)}
                />
              )}
            </Field>
          )}
          <Field label="E-mail" problem={problems.email}>
            {(id, described) => (
              <input
                id={id}
                class="input"
                type="email"
                name="email"
                inputMode="email"
                autoComplete={making ? "email" : "username"}
                value={email}
                aria-describedby={described}
                aria-invalid={problems.email !== undefined}
                onInput={(event) => setEmail(event.currentTarget.value)}
              />
            )}
          </Field>
          <Field
            label="Password"
            problem={problems.password}
            hint={making ? `At least ${SHORTEST_PASSWORD} characters` : undefined}
          >
            {(id, described) => (
              <input
                id={id}
                class="input"
                type="password"
                name="password"
                autoComplete={making ? "new-password" : "current-password"}
                maxLength={128}
                value={password}
                aria-describedby={described}
                aria-invalid={problems.password !== undefined}
                onInput={(event) => setPassword(event.currentTarget.value)}
              />
            )}
          </Field>
          <button type="submit" class="button primary wide" disabled={busy} aria-busy={busy}>
            {making ? "Create account" : "Sign in"}
          </button>
        </form>
        <p class="auth-switch">
          {making
            ? (
              <>
                You have an account? <a href={`/sign-in${query}`}>Sign in</a>
              </>
            )
            : (
              <>
                New here? <a href={`/sign-up${query}`}>Create an account</a>
              </>
            )}
        </p>
      </div>
    </main>
  );
}

function problemOf(error: unknown, making: boolean): Problems {
  if (!(error instanceof ApiError)) return { form: failure(error, "Nothing was sent.") };
  if (!making && (error.status === 401 || error.status === 403)) {
    return { form: "E-mail and password do not belong together. Check both and try again." };
  }
  if (error.status === 422 && making && /exist/i.test(error.message)) {
    return { email: "There is an account with this address already. Sign in instead." };
  }
  return {
    email: error.field("email"),
    password: error.field("password") ?? (/password/i.test(error.message) ? error.message : undefined),
    form: error.field("email") || error.field("password") || /password/i.test(error.message)
      ? undefined
      : error.status === 0
      ? "The server did not answer. What you typed is kept; try again in a moment."
      : failure(error, "Nothing was sent."),
  };
}
