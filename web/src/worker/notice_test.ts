import assert from "node:assert/strict";
import { noticeOf } from "./notice.ts";

const of = (value: unknown) => noticeOf({ json: () => value });

Deno.test("noticeOf() reads what the notifications service sends", () => {
  assert.deepEqual(
    of({ id: "n1", title: "Rent", body: "Due today at 09:00", url: "/inbox?task=t1", timestamp: 5 }),
    { title: "Rent", body: "Due today at 09:00", tag: "n1", url: "/inbox?task=t1", timestamp: 5 },
  );
});

Deno.test("noticeOf() says something whatever came", () => {
  const nonsense = { json: () => JSON.parse("<") };
  for (
    const data of [null, nonsense, { json: () => null }, { json: () => 7 }, { json: () => ({ title: 1 }) }]
  ) {
    assert.equal(noticeOf(data).title, "Rondo");
    assert.equal(noticeOf(data).url, "/notifications");
  }
});

Deno.test("noticeOf() leads nowhere but into this application", () => {
  for (
    const url of ["https://elsewhere.example/", "//elsewhere.example/", "/\\elsewhere.example", "inbox", 1]
  ) {
    assert.equal(of({ url }).url, "/notifications");
  }
});
