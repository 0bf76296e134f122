/** The api over a fresh database, as its users call it: for tests through the front door. */
import assert from "node:assert/strict";
import { type ApiOptions, createApi } from "../../api/app.ts";
import { type Clock, systemClock } from "../domain/time.ts";
import { createEmbeddedHub, type EmbeddedHub } from "../runtime/embedded/mod.ts";
import type { Service } from "../runtime/ports.ts";
import { connect, type Sql } from "../store/database.ts";
import { createLog } from "../telemetry/log.ts";
import { createMetrics, type Metrics } from "../telemetry/metrics.ts";
import { type TestDatabase, testDatabase } from "./database.ts";

export const TEST_ORIGIN = "http://rondo.test";

export interface TestAnswer {
  status: number;
  headers: Headers;
  text: string;
  // deno-lint-ignore no-explicit-any -- a test looks into whatever came
  body: any;
}

export interface CallOptions {
  headers?: Record<string, string>;
}

/** One account, or a guest: calls carry its cookie. */
export interface TestClient {
  readonly userId: string;
  readonly email: string;
  readonly cookie: string;
  /** `body`: a value becomes JSON; a string is sent as it is, with `content-type` from `headers` or JSON. */
  call(method: string, path: string, body?: unknown, options?: CallOptions): Promise<TestAnswer>;
}

export interface TestApi extends AsyncDisposable {
  readonly service: Service;
  readonly database: TestDatabase;
  readonly hub: EmbeddedHub;
  readonly metrics: Metrics;
  /** Of the superuser: to look below row-level security. */
  readonly admin: Sql;
  /** Lines that the api logged. */
  readonly logs: string[];
  readonly guest: TestClient;
  signUp(name?: string): Promise<TestClient>;
  /** A client with an `Authorization` header instead of a cookie. */
  bearer(token: string): TestClient;
  /** Events in the outbox of a user, oldest first. */
  events(
    userId: string,
  ): Promise<{ type: string; subject: string; data: Record<string, unknown>; topics: string[] }[]>;
}

let accounts = 0;

export async function testApi(
  options: { clock?: Clock } & Partial<ApiOptions> = {},
): Promise<TestApi> {
  const database = await testDatabase();
  const logs: string[] = [];
  const log = createLog({ service: "api", level: "debug", write: (line) => logs.push(line) });
  const metrics = createMetrics();
  const clock = options.clock ?? systemClock;
  const hub = createEmbeddedHub({
    sql: database.connect("rondo_broker"),
    log,
    metrics,
    clock,
    internalToken: "test-internal-token-test-internal-token",
  });
  const accountsSql = connect({
    url: database.url,
    role: "rondo_api",
    name: "test-accounts",
    searchPath: "accounts",
    nativeTypes: true,
    max: 3,
  });
  const service = createApi({
    sql: database.connect("rondo_api"),
    runtime: hub.runtime("api"),
    log,
    metrics,
    clock,
    accountsSql,
    secret: "test-secret-test-secret-test-secret-test",
    publicUrl: TEST_ORIGIN,
    rateLimits: { signInPerMinute: 10_000, callsPerSecond: 100_000 },
    ...options,
  });
  hub.register(service);
  await service.start();
  const admin = database.connect();

  const client = (userId: string, email: string, credential: Record<string, string>): TestClient => ({
    userId,
    email,
    cookie: credential.cookie ?? "",
    async call(method, path, body, { headers = {} } = {}) {
      const response = await service.fetch(
        new Request(`${TEST_ORIGIN}${path}`, {
          method,
          headers: {
            ...credential,
            ...(body === undefined ? {} : { "content-type": "application/json" }),
            ...headers,
          },
          ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
        }),
        { address: "127.0.0.1" },
      );
      const text = await response.text();
      const json = /json/.test(response.headers.get("content-type") ?? "");
      return {
        status: response.status,
        headers: response.headers,
        text,
        body: json ? JSON.parse(text) : text,
      };
    },
  });
  const guest = client("", "", {});

  return {
    service,
    database,
    hub,
    metrics,
    admin,
    logs,
    guest,
    bearer: (token) => client("", "", { authorization: `Bearer ${token}` }),
    async signUp(name = "Ada") {
      const email = `user${++accounts}.${crypto.randomUUID().slice(0, 8)}@example.com`;
      const answer = await guest.call("POST", "/api/auth/sign-up/email", {
        name,
        email,
        password: "correct horse",
      });
      assert.equal(answer.status, 200, answer.text);
      const cookie = answer.headers.getSetCookie().map((line) => line.split(";")[0]).join("; ");
      const userId: string = answer.body.user.id;
      return client(userId, email, { cookie });
    },
    async events(userId) {
      const rows = await admin<
        { event: { type: string; subject: string; data: Record<string, unknown> }; topics: string[] }[]
      >`
        select event, topics from tasks.outbox where user_id = ${userId} order by id`;
      return rows.map(({ event, topics }) => ({ ...event, topics }));
    },
    async [Symbol.asyncDispose]() {
      await service.stop();
      await hub.close();
      await accountsSql.end({ timeout: 5 });
      await database[Symbol.asyncDispose]();
    },
  };
}
