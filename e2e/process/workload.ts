/** A seeded workload that never gives up on a write: it repeats each one under its key until it is acknowledged. */
import type { Task } from "../../services/shared/contracts/task.ts";
import type { Answer, Client } from "../support/client.ts";

export type OperationKind =
  | "create"
  | "patch"
  | "complete"
  | "reopen"
  | "skip"
  | "delete"
  | "restore"
  | "bulk"
  | "undo"
  | "import";

/** One write and what became of it. */
export interface Operation {
  /** `Idempotency-Key` and correlation id in one: the change log shows what a write did, and how often. */
  key: string;
  kind: OperationKind;
  client: Client;
  method: string;
  path: string;
  body: unknown;
  /** How often it was sent. */
  attempts: number;
  /** The acknowledgement; absent for a write that was never answered. */
  answer?: Answer<unknown>;
}

export interface BulkAnswer {
  created: Task[];
  updated: Task[];
  completed: Task[];
  deleted: Task[];
  causationId: string | null;
}

interface SeenChange {
  eventId: string;
  causationId: string;
}

export interface WorkloadOptions {
  clients: readonly Client[];
  random: () => number;
  /** Tabs of one user that write at the same time (default 3). */
  tabs?: number;
  /** Writes at most (default 6,000). */
  limit?: number;
  /** Milliseconds between two writes of a tab at most (default 60). */
  thinkMs?: number;
}

export interface Workload {
  readonly operations: readonly Operation[];
  /** Sends a write until it is acknowledged. */
  send(client: Client, wanted: Pick<Operation, "kind" | "method" | "path" | "body">): Promise<Operation>;
  /** Lets every tab end its current write; rejects when one is not acknowledged by then. */
  finish(): Promise<void>;
}

/** A write that is not acknowledged in this time is lost. */
const GIVE_UP_MS = 120_000;
/** Changes among which an undo chooses. */
const RECENT = 30;
const PRIORITIES = ["low", "medium", "high", "urgent"] as const;
const RULES = [
  { rule: "FREQ=DAILY" },
  { rule: "FREQ=DAILY;INTERVAL=2", mode: "completion" },
  { rule: "FREQ=WEEKLY;BYDAY=MO,TH" },
  { rule: "FREQ=MONTHLY;BYMONTHDAY=-1" },
  { rule: "FREQ=DAILY;COUNT=2" },
] as const;

/** Starts writing at once. */
export function startWorkload(options: WorkloadOptions): Workload {
  const { clients, random, tabs = 3, limit = 6_000, thinkMs = 60 } = options;
  const operations: Operation[] = [];
  const seen = new Map<string, { since: number; changes: readonly SeenChange[] }>();
  let finishing = false;
  const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(random() * from.length)];
  const running = clients.flatMap((client) => {
    const known = new Map<string, Task>();
    return Array.from({ length: tabs }, () => tab(client, known));
  });
  // Awaited in `finish`: a failure before that must not end the process.
  for (const one of running) one.catch(() => {});

  async function tab(client: Client, known: Map<string, Task>): Promise<void> {
    while (!finishing && operations.length < limit) {
      await act(client, known);
      await pause(random() * thinkMs);
    }
  }

  async function act(client: Client, known: Map<string, Task>): Promise<void> {
    const tasks = [...known.values()];
    const open = tasks.filter(({ status, deletedAt }) => status === "open" && deletedAt === null);
    const one = pick(open);
    const dice = random();
    if (dice < 0.25 || one === undefined) return learn(known, await send(client, create()));
    if (dice < 0.45) return learn(known, await patch(client, one));
    if (dice < 0.63) {
      // Recurring ones first; now and then from two tabs at the same moment.
      const task = pick(open.filter(({ recurrence }) => recurrence !== null)) ?? one;
      const times = random() < 0.3 ? 2 : 1;
      const ended = await Promise.all(
        Array.from({ length: times }, () => send(client, action("complete", task.id))),
      );
      for (const operation of ended) learn(known, operation);
      return;
    }
    if (dice < 0.67) return learn(known, await send(client, action("reopen", ended(tasks)?.id ?? one.id)));
    if (dice < 0.70) {
      const task = pick(open.filter(({ recurrence }) => recurrence !== null)) ?? one;
      return learn(known, await send(client, action("skip", task.id)));
    }
    if (dice < 0.77) return learn(known, await send(client, remove(one.id)));
    if (dice < 0.82) {
      const task = pick(tasks.filter(({ deletedAt }) => deletedAt !== null)) ?? one;
      return learn(known, await send(client, action("restore", task.id)));
    }
    if (dice < 0.90) return learn(known, await bulk(client, open));
    await undo(client, known);
  }

  const ended = (tasks: readonly Task[]) => pick(tasks.filter(({ status }) => status === "completed"));

  function create() {
    return { kind: "create", method: "POST", path: "/api/tasks", body: input() } as const;
  }

  function input(): Record<string, unknown> {
    const kind = random();
    const common = {
      title: `Task ${Math.floor(random() * 1e9)}`,
      priority: pick(PRIORITIES),
      tags: random() < 0.3 ? ["home", "errand"] : [],
    };
    if (kind < 0.4) return common;
    const now = Temporal.Now.instant();
    const minutes = Math.floor(random() * 6) - 3;
    const due = now.add({ minutes }).toZonedDateTimeISO("UTC");
    const dated = {
      ...common,
      due: {
        date: due.toPlainDate().toString(),
        time: random() < 0.7 ? due.toPlainTime().toString().slice(0, 5) : null,
        timeZone: random() < 0.5 ? "UTC" : null,
      },
      reminders: [
        ...(random() < 0.5
          ? [{ at: now.add({ milliseconds: Math.floor(random() * 15_000) - 3_000 }).toString() }]
          : []),
        ...(random() < 0.5 ? [{ before: pick(["PT0S", "PT1M", "PT1H"]) }] : []),
      ],
    };
    if (kind < 0.6) return dated;
    const recurrence = pick(RULES);
    return { ...dated, recurrence };
  }

  function patch(client: Client, task: Task): Promise<Operation> {
    const [title, due] = [`Patched ${Math.floor(random() * 1e9)}`, input().due];
    const body = random() < 0.15 && due !== undefined && task.due !== null
      ? { title, due }
      : pick([{ title }, { notes: title }, { title, tags: [`t${Math.floor(random() * 1e6)}`] }]);
    return send(client, { kind: "patch", method: "PATCH", path: `/api/tasks/${task.id}`, body });
  }

  function bulk(client: Client, open: readonly Task[]): Promise<Operation> {
    const chosen = [...open].sort(() => random() - 0.5).slice(0, 4).map(({ id }) => id);
    const [first, second, third, fourth] = chosen;
    return send(client, {
      kind: "bulk",
      method: "POST",
      path: "/api/tasks/bulk",
      body: {
        create: [input(), input(), input()],
        update: [first, second].flatMap((id) => id === undefined ? [] : [{ id, notes: `Bulk ${random()}` }]),
        complete: third === undefined ? [] : [third],
        delete: fourth === undefined ? [] : [fourth],
      },
    });
  }

  /** Takes back one of the last changes, whoever made it. */
  async function undo(client: Client, known: Map<string, Task>): Promise<void> {
    const change = pick(await recentChanges(client));
    if (change === undefined) return;
    const { eventId, causationId } = change;
    const operation = await send(client, {
      kind: "undo",
      method: "POST",
      path: "/api/undo",
      body: random() < 0.7 ? { eventId } : { causationId },
    });
    learn(known, operation);
  }

  /** The last changes of a user, read on from where the last question ended. */
  async function recentChanges(client: Client): Promise<readonly SeenChange[]> {
    for (;;) {
      const { since, changes } = seen.get(client.id) ?? { since: 0, changes: [] };
      const { body } = await until(() =>
        client.call<{ changes: SeenChange[]; nextSeq: number; hasMore: boolean }>(
          "GET",
          `/api/changes?since=${since}&limit=500`,
          undefined,
          { timeoutMs: 10_000 },
        )
      );
      const newest = [...changes, ...body.changes].slice(-RECENT);
      seen.set(client.id, { since: body.nextSeq, changes: newest });
      if (!body.hasMore) return newest;
    }
  }

  async function send(
    client: Client,
    wanted: Pick<Operation, "kind" | "method" | "path" | "body">,
  ): Promise<Operation> {
    const operation: Operation = { ...wanted, client, key: crypto.randomUUID(), attempts: 0 };
    operations.push(operation);
    operation.answer = await until(() => {
      operation.attempts += 1;
      return client.call(wanted.method, wanted.path, wanted.body, {
        key: operation.key,
        headers: { "x-correlation-id": operation.key },
        timeoutMs: 20_000,
      });
    });
    return operation;
  }

  /** Repeats a call while nobody answers, or nobody who can do it. */
  async function until<T>(work: () => Promise<Answer<T>>): Promise<Answer<T>> {
    const deadline = performance.now() + GIVE_UP_MS;
    for (;;) {
      const answer = await work().catch((cause) => String(cause));
      if (typeof answer !== "string" && answer.status < 500 && answer.status !== 429) return answer;
      if (performance.now() > deadline) {
        throw new Error(`Nobody acknowledged a call: ${JSON.stringify(answer)}`);
      }
      await pause(20 + random() * 150);
    }
  }

  return {
    operations,
    send,
    async finish() {
      finishing = true;
      await Promise.all(running);
    },
  };
}

/** Keeps the newest that is known of each task in an acknowledgement. */
function learn(known: Map<string, Task>, { answer, kind }: Operation): void {
  if (answer === undefined || answer.status >= 300) return;
  for (const task of tasksOf(kind, answer.body)) {
    if ((known.get(task.id)?.version ?? 0) < task.version) known.set(task.id, task);
  }
}

/** The tasks that an acknowledgement shows. */
export function tasksOf(kind: OperationKind, body: unknown): Task[] {
  switch (kind) {
    case "bulk": {
      const { created, updated, completed, deleted } = body as BulkAnswer;
      return [...created, ...updated, ...completed, ...deleted];
    }
    case "undo":
      return (body as { changes: { task: Task | null }[] }).changes.flatMap(({ task }) => task ?? []);
    case "import":
      return [];
    default:
      return [body as Task];
  }
}

function action(kind: "complete" | "reopen" | "skip" | "restore", id: string) {
  return { kind, method: "POST", path: `/api/tasks/${id}/${kind}`, body: {} } as const;
}

function remove(id: string) {
  return { kind: "delete", method: "DELETE", path: `/api/tasks/${id}`, body: undefined } as const;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
