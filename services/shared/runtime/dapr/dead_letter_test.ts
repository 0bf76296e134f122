import assert from "node:assert/strict";
import {
  type DeadLetterRecord,
  deadLetterTopic,
  isMeantFor,
  letterHeaders,
  openLetters,
  replayHeaders,
  resolutionHeaders,
} from "./dead_letter.ts";

const AT = Temporal.Instant.from("2027-01-01T00:00:00Z");
const record = (offset: number, fields: Partial<DeadLetterRecord> = {}): DeadLetterRecord => ({
  topic: deadLetterTopic("reminders"),
  partition: 0,
  offset: String(offset),
  key: "ada",
  value: '{"id":"1"}',
  headers: letterHeaders({ consumer: "notifications", error: "no ink", attempts: 5, at: AT }),
  at: AT.add({ seconds: 1 }),
  ...fields,
});

Deno.test("openLetters() reads letters with their reason and leaves out those that a mark resolves", () => {
  const letters = openLetters([
    record(0),
    record(1),
    record(2, { headers: resolutionHeaders("reminders.dlq/0/0", "replayed"), value: "" }),
  ]);
  assert.deepEqual(letters, [{
    id: "reminders.dlq/0/1",
    topic: "reminders",
    consumer: "notifications",
    key: "ada",
    event: { id: "1" },
    error: "no ink",
    at: AT,
  }]);
});

Deno.test("openLetters() reads what daprd wrote by itself, whatever it holds", () => {
  const [letter] = openLetters([record(0, { headers: { at: "soon" }, value: "no JSON" })]);
  assert.equal(letter?.event, "no JSON");
  assert.equal(letter?.consumer, "unknown");
  assert.deepEqual(letter?.at, AT.add({ seconds: 1 }));
});

Deno.test("letterHeaders() keep an error short", () => {
  const { error } = letterHeaders({ consumer: "audit", error: "x".repeat(5_000), attempts: 1, at: AT });
  assert.equal(error?.length, 1_000);
});

Deno.test("isMeantFor() passes a replay over to its consumer only, and anything else to all", () => {
  const headers = replayHeaders({ consumer: "audit" });
  assert.equal(isMeantFor("audit", headers), true);
  assert.equal(isMeantFor("reminders", headers), false);
  assert.equal(isMeantFor("reminders", {}), true);
  assert.equal(isMeantFor("reminders", replayHeaders({ consumer: "unknown" })), true);
});
