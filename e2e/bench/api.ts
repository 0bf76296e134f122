/** Calls of the API beside what they can't be faster than: the bare SQL, and HTTP to a route that does nothing. */
import { fileURLToPath } from "node:url";
import { uuidv7 } from "uuidv7";
import type { Task } from "../../services/shared/contracts/task.ts";
import type { Sql } from "../../services/shared/store/database.ts";
import {
  type Client,
  databaseUrl,
  inherited,
  openDatabase,
  type RunningRondo,
  spawn,
} from "../support/rondo.ts";
import { waitFor } from "../support/rondo.ts";
import { type Bare, openBare, type Wanted } from "./bare.ts";
import { openWire, type Wire } from "./http.ts";
import { pause, type Subject, takeTurns, type Timing } from "./measure.ts";
import type { Seeded } from "./seed.ts";

export interface ApiFigure {
  operation: string;
  kind: "read" | "search" | "write";
  concurrency: number;
  api: Timing;
  bare: Timing;
  empty: Timing;
}

export interface ApiOptions {
  rondo: RunningRondo;
  /** Worker n is user n; one user serves them all. */
  users: readonly Client[];
  seeded: Seeded;
  concurrencies: readonly number[];
  /** Calls of each kind at most. */
  calls: number;
  /** Milliseconds for one operation, about. */
  maxMs: number;
  /** Called with each figure as it comes. */
  on(figure: ApiFigure): void;
  /** Names of operations; all when empty. */
  only?: readonly string[];
}

/** What one worker has. */
interface Worker {
  listId: string;
  wire: Wire;
  empty: Wire;
  bare: Bare;
  ids: string[];
  /** Open tasks that only one side may complete. */
  toComplete: { api: string[]; bare: string[] };
}

interface Operation {
  name: string;
  kind: ApiFigure["kind"];
  api(worker: Worker): Promise<void>;
  bare(worker: Worker): Promise<void>;
}

export async function measureApi(options: ApiOptions): Promise<ApiFigure[]> {
  const { rondo, users, seeded, calls, concurrencies, only = [] } = options;
  await using admin = await openDatabase(rondo.dataDir);
  await using empty = await startEmpty();
  const stocks = new Map<string, Worker["toComplete"]>();
  const most = Math.max(...concurrencies);
  const workers = await Promise.all(
    Array.from(
      { length: most },
      (_, index) => openWorker({ admin, rondo, users, index, share: calls, emptyPort: empty.port, stocks }),
    ),
  );
  const figures: ApiFigure[] = [];
  try {
    for (const operation of operationsOn(seeded, workers[0])) {
      if (only.length > 0 && !only.includes(operation.name)) continue;
      for (const concurrency of concurrencies) {
        const timings = await takeTurns(subjectsOf(operation, workers), {
          concurrency,
          calls: operation.kind === "read" ? calls * 2 : calls,
          turn: Math.max(20, concurrency * 4),
          maxMs: options.maxMs,
        });
        const [api, bare, nothing] = ["api", "bare", "empty"].map((name) => timings.get(name));
        if (api === undefined || bare === undefined || nothing === undefined) throw new Error("no timing");
        const figure: ApiFigure = {
          ...{ operation: operation.name, kind: operation.kind, concurrency },
          ...{ api, bare, empty: nothing },
        };
        figures.push(figure);
        options.on(figure);
        if (operation.kind === "write") await settled(admin);
      }
    }
  } finally {
    for (const { wire, empty, bare } of workers) {
      wire[Symbol.dispose]();
      empty[Symbol.dispose]();
      await bare[Symbol.asyncDispose]();
    }
  }
  return figures;
}

function subjectsOf(operation: Operation, workers: readonly Worker[]): Subject[] {
  const on = (work: (worker: Worker) => Promise<void>) => async (index: number) => {
    const worker = workers[index];
    if (worker === undefined) throw new Error(`Cannot call as there is no worker ${index}`);
    await work(worker);
  };
  return [
    { name: "api", call: on(operation.api) },
    { name: "bare", call: on(operation.bare) },
    { name: "empty", call: on(({ empty }) => expect(empty, 200, "GET", "/empty").then(() => {})) },
  ];
}

function operationsOn({ words }: Seeded, first: Worker | undefined): Operation[] {
  if (first === undefined) throw new Error("Cannot measure without a worker");
  const today = Temporal.Now.plainDateISO("UTC");
  const [from, until] = [today, today.add({ days: 30 })].map((date) => date.toString());
  const wanted: Wanted = { tag: "work", priority: 2, from: from ?? "", until: until ?? "" };
  const read = (name: string, path: (worker: Worker) => string, bare: Operation["bare"]): Operation => ({
    name,
    kind: name.startsWith("search") ? "search" : "read",
    api: async (worker) => void await expect(worker.wire, 200, "GET", path(worker)),
    bare,
  });
  const id = ({ ids }: Worker) => ids[Math.floor(Math.random() * ids.length)] ?? "";
  const search = (name: string, q: string) =>
    read(`search ${name}`, () => `/api/tasks?q=${encodeURIComponent(q)}`, ({ bare }) => bare.search(q));
  return [
    read("get", (worker) => `/api/tasks/${id(worker)}`, (worker) => worker.bare.get(id(worker))),
    read("list", () => "/api/tasks", ({ bare }) => bare.list()),
    read(
      "filter",
      () => `/api/tasks?tag=work&priority=high&dueFrom=${wanted.from}&dueTo=${wanted.until}`,
      ({ bare }) => bare.filter(wanted),
    ),
    search("selective", words.selective),
    search("common", words.common),
    search("misspelt", words.misspelt),
    {
      name: "create",
      kind: "write",
      api: async ({ wire }) =>
        void await expect(wire, 201, "POST", "/api/tasks", {
          title: "Pay the invoice for Marelvale",
          tags: ["work"],
          due: { date: today.toString() },
        }),
      bare: ({ bare, listId }) => bare.write("task.created.v1", template(listId, uuidv7())),
    },
    {
      name: "patch",
      kind: "write",
      api: async (worker) =>
        void await expect(worker.wire, 200, "PATCH", `/api/tasks/${id(worker)}`, { title: aTitle() }),
      bare: (worker) =>
        worker.bare.write("task.updated.v1", { ...template(worker.listId, id(worker)), title: aTitle() }),
    },
    {
      name: "complete",
      kind: "write",
      api: async ({ wire, toComplete }) =>
        void await expect(wire, 200, "POST", `/api/tasks/${toComplete.api.pop() ?? ""}/complete`, {}),
      bare: ({ bare, listId, toComplete }) =>
        bare.write("task.completed.v1", {
          ...template(listId, toComplete.bare.pop() ?? ""),
          status: "completed",
          completedAt: Temporal.Now.instant().toString({ fractionalSecondDigits: 3 }),
        }),
    },
  ];
}

const aTitle = () => `Review the contract for ${Math.random() < 0.5 ? "Barobach" : "Corinford"} again`;

/** A task as the API makes it of the benchmark's create. */
function template(listId: string, id: string): Task {
  const now = Temporal.Now.instant().toString({ fractionalSecondDigits: 3 });
  const date = now.slice(0, 10);
  return {
    id,
    listId,
    parentId: null,
    title: "Pay the invoice for Marelvale",
    notes: "",
    priority: "medium",
    tags: ["work"],
    status: "open",
    due: { date, time: null, timeZone: null },
    dueAt: `${date}T00:00:00Z`,
    recurrence: null,
    seriesId: null,
    occurrence: null,
    reminders: [],
    position: "e00000",
    version: 1,
    createdAt: now,
    updatedAt: now,
    completedAt: null,
    deletedAt: null,
  };
}

interface OpenOptions {
  admin: Sql;
  rondo: RunningRondo;
  users: readonly Client[];
  index: number;
  /** Tasks to complete, for each side. */
  share: number;
  emptyPort: number;
  stocks: Map<string, Worker["toComplete"]>;
}

async function openWorker(options: OpenOptions): Promise<Worker> {
  const { admin, rondo, users, index, share, emptyPort, stocks } = options;
  const client = users[index % users.length];
  if (client === undefined) throw new Error("Cannot call without a user");
  const rows = await admin<{ id: string; list_id: string }[]>`
    select id, list_id from tasks.tasks
    where user_id = ${client.id} and status = 'open' and deleted_at is null order by id`;
  // Those to complete are left alone by everything else; workers of one user take them from the same stock.
  const each = Math.min(Math.ceil(rows.length / 3), 3 * share);
  const ids = rows.map(({ id }) => id);
  const toComplete = stocks.get(client.id) ?? { api: ids.slice(0, each), bare: ids.slice(each, 2 * each) };
  stocks.set(client.id, toComplete);
  return {
    listId: rows[0]?.list_id ?? "",
    wire: await openWire(rondo.port, { cookie: client.cookie }),
    empty: await openWire(emptyPort),
    bare: openBare(await databaseUrl(rondo.dataDir), client.id),
    ids: ids.slice(2 * each),
    toComplete,
  };
}

async function expect(
  wire: Wire,
  status: number,
  method: string,
  path: string,
  body?: unknown,
): Promise<string> {
  const answer = await wire.call(method, path, body, method === "GET" ? {} : { "idempotency-key": uuidv7() });
  if (answer.status !== status) {
    throw new Error(`${method} ${path} answered ${answer.status}: ${answer.body}`);
  }
  return answer.body;
}

async function startEmpty(): Promise<{ port: number } & AsyncDisposable> {
  const child = spawn(
    ["run", "-A", fileURLToPath(new URL("./empty_server.ts", import.meta.url))],
    inherited(),
  );
  const says = /^Empty is running on http:\/\/127\.0\.0\.1:(\d+)$/m;
  await waitFor(() => child.gone || says.test(child.output.stdout), 30_000);
  return {
    port: Number(says.exec(child.output.stdout)?.[1] ?? 0),
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.ended;
    },
  };
}

/** Waits until what was written has been passed on, so that one benchmark does not pay for another. */
export async function settled(admin: Sql): Promise<void> {
  await waitFor(async () => {
    const [row] = await admin<{ waiting: boolean }[]>`select exists (select from tasks.outbox) as waiting`;
    return row?.waiting === false;
  }, 120_000);
  await pause(1_000);
}
