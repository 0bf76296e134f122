import assert from "node:assert/strict";
import { asBefore, brought } from "./answers.ts";

Deno.test("asBefore() is the fields of a patch as they were, at any depth, and no others", () => {
  const before = {
    name: "Mira",
    zone: "UTC",
    look: { theme: "dark", hours: { from: "22:00", to: "07:00" } },
  };
  assert.deepEqual(
    asBefore({ name: "M", look: { hours: { to: "08:00" } } }, before),
    { name: "Mira", look: { hours: { to: "07:00" } } },
  );
});

Deno.test("brought() keeps what is newer than the answer, has come since it was asked for, and not what has gone", () => {
  const item = (id: string, version = 1) => ({ id, version });
  const all = brought(
    [item("same"), item("older"), item("newer", 3), item("gone"), item("unknown")],
    [item("same"), item("older"), item("newer"), item("gone"), item("deleted elsewhere")],
    [item("same"), item("older", 2), item("newer", 2), item("deleted elsewhere"), item("came")],
  );
  assert.deepEqual(all, [item("same"), item("older", 2), item("newer", 3), item("unknown"), item("came")]);
});
