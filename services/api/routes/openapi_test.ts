import assert from "node:assert/strict";
import { Ajv } from "ajv";
import formats from "ajv-formats";
import { Problem } from "../../shared/http/problem.ts";
import { type TestAnswer, testApi } from "../../shared/testing/api.ts";
import { openJudge, standIns } from "./testing.ts";

Deno.test("GET /api/openapi.json is OpenAPI 3.1 in structure", async () => {
  await using api = await testApi();
  const { document, calls } = await openJudge(api);
  assert.match(document.openapi, /^3\.1\./);
  assert.ok(calls.length > 40);
  const ids = new Set<string>();
  for (const [path, operations] of Object.entries(document.paths)) {
    assert.match(path, /^\/(api\/|mcp$)/);
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    for (const [method, operation] of Object.entries(operations)) {
      const call = `${method} ${path}`;
      ids.add(call);
      assert.ok(["get", "post", "patch", "delete"].includes(method), call);
      const parameters = operation.parameters ?? [];
      assert.deepEqual(
        parameters.filter((each) => each.in === "path").map(({ name }) => name),
        named,
        `${call} declares its path parameters`,
      );
      assert.ok(parameters.every((each) => each.in !== "path" || each.required === true), call);
      assert.equal(
        new Set(parameters.map((each) => `${each.in} ${each.name}`)).size,
        parameters.length,
        `${call} declares each parameter once`,
      );
      assert.ok(parameters.every(({ schema }) => schema !== undefined), call);
      assert.ok(Object.keys(operation.responses).some((status) => /^2\d\d$/.test(status)), call);
      for (const [status, response] of Object.entries(operation.responses)) {
        assert.ok(response.description.length > 0, `${call} ${status}`);
        if (Number(status) >= 400) {
          assert.ok(response.content?.["application/problem+json"], `${call} ${status}`);
        }
      }
      for (const requirement of operation.security ?? []) {
        for (const scheme of Object.keys(requirement)) assert.ok(document.components.securitySchemes[scheme]);
      }
      assert.ok(operation.security, `${call} says what credential it takes`);
    }
  }
  // Every reference leads somewhere.
  for (const [, pointer = ""] of JSON.stringify(document).matchAll(/"\$ref":"#([^"]+)"/g)) {
    let here: unknown = document;
    for (const part of pointer.split("/").slice(1)) here = (here as Record<string, unknown>)[part];
    assert.ok(here, pointer);
  }
  const page = await api.guest.call("GET", "/api/docs");
  assert.equal(page.status, 200);
  for (const id of ids) assert.ok(page.text.includes(id.split(" ")[1] ?? "?"));
});

Deno.test("every kind of problem has one shape, and the document declares it", async () => {
  await using api = await testApi({ rateLimits: { signInPerMinute: 10_000, callsPerSecond: 40 } });
  const judge = await openJudge(api);
  const ada = await api.signUp();
  const made = await ada.call("POST", "/api/tasks", { title: "Pay rent" });
  const path = `/api/tasks/${made.body.id}`;
  const broken = { headers: { "content-type": "application/json" } };
  const cases: [string, number, Promise<TestAnswer>][] = [
    ["POST /api/tasks", 400, ada.call("POST", "/api/tasks", "{", broken)],
    ["GET /api/tasks", 401, api.guest.call("GET", "/api/tasks")],
    ["GET /api/me", 401, api.bearer("nonsense").call("GET", "/api/me")],
    [
      "POST /api/tasks",
      403,
      ada.call("POST", "/api/tasks", { title: "a" }, { headers: { origin: "https://evil.test" } }),
    ],
    ["GET /api/tasks/{id}", 404, ada.call("GET", "/api/tasks/nothing")],
    ["POST /api/tasks/{id}/skip", 409, ada.call("POST", `${path}/skip`)],
    [
      "PATCH /api/tasks/{id}",
      412,
      ada.call("PATCH", path, { title: "b" }, { headers: { "if-match": '"9"' } }),
    ],
    ["POST /api/tasks", 413, ada.call("POST", "/api/tasks", " ".repeat(1_000_001))],
    [
      "POST /api/tasks",
      415,
      ada.call("POST", "/api/tasks", "a", { headers: { "content-type": "text/plain" } }),
    ],
    ["GET /api/tasks", 422, ada.call("GET", "/api/tasks?limit=0")],
    ["GET /api/me", 422, ada.call("GET", "/api/me?x=1")],
    ["GET /api/audit", 503, ada.call("GET", "/api/audit")],
  ];
  for (const [call, status, answering] of cases) {
    const answer = await answering;
    assert.equal(answer.status, status, `${call}: ${answer.text}`);
    judge.check(call, answer);
    Problem.parse(answer.body);
    assert.equal(answer.body.type, "about:blank");
    if ([400, 412, 413, 415, 422].includes(status)) assert.ok(answer.body.errors.length > 0, call);
  }
  const missing = await ada.call("GET", "/api/nothing");
  assert.equal(missing.status, 404);
  Problem.parse(missing.body);
  assert.equal((await ada.call("PUT", path, {})).status, 404);
  const many = await Promise.all(Array.from({ length: 60 }, () => ada.call("GET", "/api/me")));
  const limited = many.find(({ status }) => status === 429);
  assert.ok(limited, "one of 60 calls at once is over 40 a second");
  judge.check("GET /api/me", limited);
  assert.match(limited.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
});

Deno.test("what a peer answers beside 200, 404 and 422 is 503, and is not left unread", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  let status = 200;
  let cancelled = 0;
  api.hub.register({
    name: "audit",
    fetch() {
      const body = new ReadableStream({
        pull: (controller) => controller.enqueue(new TextEncoder().encode("{}")),
        cancel: () => void cancelled++,
      });
      return new Response(status === 404 ? "{}" : body, { status });
    },
  });
  const unexpected = [302, 400, 401, 403, 409, 429, 500, 502];
  for (status of unexpected) {
    const answer = await ada.call("GET", "/api/audit/verify");
    assert.equal(answer.status, 503, `${status}: ${answer.text}`);
  }
  assert.equal(cancelled, unexpected.length);
  status = 404;
  assert.equal((await ada.call("GET", "/api/audit/verify")).status, 404);
});

Deno.test("X-Correlation-Id is echoed when it is good, minted when not, and goes into events", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const call = (id: string) =>
    ada.call("POST", "/api/tasks", { title: "a" }, { headers: { "x-correlation-id": id } });
  assert.equal((await call("order-7.a:b_c")).headers.get("x-correlation-id"), "order-7.a:b_c");
  const [bad, none] = [await call("no spaces please"), await ada.call("GET", "/api/me")];
  for (const answer of [bad, none, await api.guest.call("GET", "/api/nothing")]) {
    assert.match(answer.headers.get("x-correlation-id") ?? "", /^[0-9a-f-]{36}$/);
  }
  const outbox = await api.admin<{ id: string }[]>`
    select event ->> 'correlationid' as id from tasks.outbox where user_id = ${ada.userId} order by id`;
  const minted = bad.headers.get("x-correlation-id");
  assert.deepEqual(new Set(outbox.map(({ id }) => id)), new Set(["order-7.a:b_c", minted]));
});

Deno.test("traceparent is continued into the outbox's event, and a bad one begins a trace", async () => {
  await using api = await testApi();
  const ada = await api.signUp();
  const trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  for (
    const traceparent of [
      `00-${trace}-00f067aa0ba902b7-01`,
      "00-zz-01",
      `00-${"0".repeat(32)}-00f067aa0ba902b7-01`,
    ]
  ) {
    await ada.call("POST", "/api/tasks", { title: "a" }, { headers: { traceparent } });
  }
  const rows = await api.admin<{ traceparent: string }[]>`
    select event ->> 'traceparent' as traceparent from tasks.outbox where user_id = ${ada.userId} order by id`;
  const [continued = "", begun = "", other = ""] = rows.map(({ traceparent }) => traceparent);
  assert.equal(continued.split("-")[1], trace);
  for (const each of [begun, other]) {
    assert.match(each, /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/);
    assert.doesNotMatch(each, /^00-0{32}/);
  }
});

Deno.test("every envelope in the outbox is a message of GET /api/asyncapi.json", async () => {
  await using api = await testApi();
  standIns(api);
  const ada = await api.signUp();
  const document = (await api.guest.call("GET", "/api/asyncapi.json")).body;
  assert.equal(document.asyncapi, "3.0.0");
  const list = (await ada.call("POST", "/api/lists", { name: "Home" })).body;
  const filter = (await ada.call("POST", "/api/filters", { name: "Soon", query: "due=today" })).body;
  const task = (await ada.call("POST", "/api/tasks", {
    title: "Pay rent",
    listId: list.id,
    due: { date: "2027-01-31", time: "09:00" },
    recurrence: "monthly",
    reminders: [{ before: "PT30M" }, { at: "2027-01-30T10:00:00+01:00" }],
  })).body;
  const steps: [string, string, unknown?][] = [
    ["PATCH", `/api/tasks/${task.id}`, { title: "Pay the rent" }],
    ["POST", `/api/tasks/${task.id}/complete`],
    ["POST", `/api/tasks/${task.id}/reopen`],
    ["POST", `/api/tasks/${task.id}/skip`],
    ["POST", `/api/tasks/${task.id}/restore`],
    ["PATCH", "/api/me", { timeZone: "Asia/Tokyo" }],
    ["PATCH", `/api/lists/${list.id}`, { name: "House" }],
    ["PATCH", `/api/filters/${filter.id}`, { name: "Now" }],
    ["DELETE", `/api/filters/${filter.id}`],
    ["DELETE", `/api/lists/${list.id}`],
  ];
  for (const [method, path, body] of steps) {
    const answer = await ada.call(method, path, body);
    assert.equal(answer.status, 200, answer.text);
  }
  const { changes } = (await ada.call("GET", "/api/changes?since=0")).body;
  for (const type of ["list.deleted.v1", "filter.deleted.v1"]) {
    const { eventId } = changes.find((change: { type: string }) => change.type === type);
    assert.equal((await ada.call("POST", "/api/undo", { eventId })).status, 200);
  }
  const ajv = new Ajv({ strict: false, allErrors: true });
  formats.default(ajv);
  ajv.addSchema({ ...document, $id: "https://rondo.test/asyncapi" });
  const rows = await api.admin<{ event: { type: string; dataschema: string }; topics: string[] }[]>`
    select event, topics from tasks.outbox where user_id = ${ada.userId} order by id`;
  const seen = new Set(rows.map(({ event }) => event.type));
  const own = Object.keys(document.components.messages).filter((type) =>
    /^(task|list|filter|profile)\./.test(type)
  );
  assert.deepEqual([...seen].sort(), own.sort(), "the run wrote every type of the api");
  for (const { event, topics } of rows) {
    const pointer = `https://rondo.test/asyncapi#/components/messages/${event.type}/payload`;
    const validate = ajv.getSchema(pointer) ?? ajv.compile({ $ref: pointer });
    assert.ok(validate(event), `${event.type}: ${JSON.stringify(validate.errors)}`);
    assert.equal(event.dataschema, `/api/asyncapi.json#/components/schemas/${event.type}`);
    assert.ok(document.components.schemas[event.type]);
    for (const topic of topics) assert.ok(document.channels[topic].messages[event.type]);
  }
});
