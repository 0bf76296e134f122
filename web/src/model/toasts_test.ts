import assert from "node:assert/strict";
import { createToasts, ERROR_TOAST_MS, TOAST_MS } from "./toasts.ts";

function withClock() {
  const timers = new Map<number, { run: () => void; ms: number }>();
  let next = 0;
  const toasts = createToasts({
    schedule(run, ms) {
      const id = next++;
      timers.set(id, { run, ms });
      return () => timers.delete(id);
    },
  });
  return { toasts, timers: () => [...timers.values()] };
}

Deno.test("createToasts() keeps an undo for eight seconds and errors for longer", () => {
  const { toasts, timers } = withClock();
  toasts.show({ text: "Completed" });
  toasts.show({ tone: "error", text: "Could not" });
  assert.deepEqual(timers().map(({ ms }) => ms), [TOAST_MS, ERROR_TOAST_MS]);
  assert.equal(TOAST_MS, 8_000);
  timers()[0]?.run();
  assert.deepEqual(toasts.toasts.value.map(({ text }) => text), ["Could not"]);
});

Deno.test("createToasts() shows three at most and none disappears while it is pointed at", () => {
  const { toasts, timers } = withClock();
  for (const text of ["a", "b", "c", "d"]) toasts.show({ text });
  assert.deepEqual(toasts.toasts.value.map(({ text }) => text), ["b", "c", "d"]);
  toasts.hold(true);
  assert.equal(timers().length, 0);
  toasts.hold(false);
  assert.equal(timers().length, 3);
});

Deno.test("createToasts() says plain messages where screen readers listen, also when they change", () => {
  const { toasts } = withClock();
  const id = toasts.show({ text: "Completed “Rent”" });
  assert.equal(toasts.said.value, "Completed “Rent”");
  toasts.amend(id, { detail: "Next: 3 April" });
  assert.equal(toasts.said.value, "Completed “Rent”. Next: 3 April");
  // An error is an alert where it stands: it is not said twice.
  toasts.show({ tone: "error", text: "Could not" });
  assert.equal(toasts.said.value, "Completed “Rent”. Next: 3 April");
  // Whoever comes next must not hear it.
  toasts.clear();
  assert.equal(toasts.said.value, "");
});
