/** The floor below the API: the same rows by bare SQL, as the same role, through the same driver. */
import { uuidv7 } from "uuidv7";
import type { Task } from "../../services/shared/contracts/task.ts";
import { TASK_COLUMNS } from "../../services/api/task_state.ts";
import { connect, type Sql } from "../../services/shared/store/database.ts";
import { buildEnvelopes } from "../../services/shared/store/outbox.ts";

const TOPICS = ["task-events", "task-updates"];

/** What a filter of the benchmark asks for. */
export interface Wanted {
  tag: string;
  priority: number;
  from: string;
  until: string;
}

export interface Bare extends AsyncDisposable {
  get(id: string): Promise<void>;
  list(): Promise<void>;
  filter(wanted: Wanted): Promise<void>;
  search(q: string): Promise<void>;
  /** One transaction: the task, the change, its number, the outbox, and the answer kept for a repeat. */
  write(type: "task.created.v1" | "task.updated.v1" | "task.completed.v1", task: Task): Promise<void>;
}

/** One connection of the api's role on which the user stands for good, so that nothing but the statement is left. */
export function openBare(url: string, userId: string): Bare {
  const address = new URL(url);
  address.searchParams.set("rondo.user_id", userId);
  const sql = connect({ url: address.href, role: "rondo_api", name: "bench", max: 1 });
  const columns = () => sql(TASK_COLUMNS.map((column) => `t.${column}`));
  return {
    async get(id) {
      await sql`select ${columns()} from tasks.tasks t where t.id = ${id} and t.user_id = ${userId}`;
    },
    async list() {
      await sql`
        select ${columns()}, (t.created_at)::text as cursor_value from tasks.tasks t
        where t.user_id = ${userId} and t.deleted_at is null and t.status = 'open'
        order by t.created_at desc, t.id desc limit 51`;
    },
    async filter({ tag, priority, from, until }) {
      await sql`
        select ${columns()}, (t.created_at)::text as cursor_value from tasks.tasks t
        where t.user_id = ${userId} and t.deleted_at is null and t.status = 'open' and t.priority = ${priority}
          and t.tags @> ${[tag]}::text[] and coalesce(t.due_at, 'infinity') >= ${from}
          and coalesce(t.due_at, 'infinity') < ${until}
        order by t.created_at desc, t.id desc limit 51`;
    },
    async search(q) {
      await sql`
        select ${columns()}, (hit.rank)::text as cursor_value
        from tasks.search(${q}) hit
          cross join lateral (select * from tasks.tasks one where one.id = hit.id offset 0) t
        where t.user_id = ${userId} and t.deleted_at is null and t.status = 'open'
        order by hit.rank desc, t.id desc limit 51`;
    },
    async write(type, task) {
      await writeOnce(sql, userId, type, task);
    },
    [Symbol.asyncDispose]: () => sql.end({ timeout: 5 }),
  };
}

async function writeOnce(
  sql: Sql,
  userId: string,
  type: "task.created.v1" | "task.updated.v1" | "task.completed.v1",
  task: Task,
): Promise<void> {
  const [event] = buildEnvelopes(
    [{
      type,
      subject: task.id,
      topics: ["task-events", "task-updates"],
      actor: { kind: "user", id: userId },
      data: { task, before: type === "task.created.v1" ? null : {}, timeZone: "UTC", series: null },
    }],
    1,
    { source: "api", userId, now: Temporal.Now.instant() },
  );
  if (event === undefined) throw new Error("Cannot write as no event was made");
  const answer = JSON.stringify(task);
  await sql.begin((tx) => {
    const tasks = type === "task.created.v1"
      ? tx`
        insert into tasks.tasks (id, user_id, list_id, title, notes, priority, tags, status, due_date, due_at, reminders,
          position, version, created_at, updated_at)
        values (${task.id}, ${userId}, ${task.listId}, ${task.title}, ${task.notes}, 1, ${task.tags}, 'open',
          ${
        task.due?.date ?? null
      }, ${task.dueAt}, '[]', ${task.position}, 1, ${task.createdAt}, ${task.updatedAt})`
      : tx`
        update tasks.tasks set title = ${task.title}, status = ${task.status}, completed_at = ${task.completedAt},
          version = version + 1, updated_at = ${task.updatedAt}
        where id = ${task.id} and user_id = ${userId}`;
    return [tx`
      with numbered as (
        update tasks.streams set seq = seq + 1 where user_id = ${userId} returning seq
      ), task as (${tasks}), change as (
        insert into tasks.changes (user_id, seq, event_id, type, entity_id, at, actor, causation_id, correlation_id,
          before, data)
        select ${userId}, seq, ${event.id}, ${type}, ${task.id}, ${event.time}, ${
      tx.json({ kind: "user", id: userId })
    },
          ${event.causationid}, ${event.correlationid}, '{}',
          jsonb_set(${JSON.stringify(event.data)}::text::jsonb, '{seq}', to_jsonb(seq))
        from numbered
      ), kept as (
        insert into tasks.idempotency (user_id, key, fingerprint, status, headers, body, created_at)
        values (${userId}, ${uuidv7()}, ${event.id}, 200, '{}', ${answer}, ${event.time})
      )
      insert into tasks.outbox (user_id, seq, topics, event)
      select ${userId}, seq, ${TOPICS}, jsonb_set(${
      JSON.stringify(event)
    }::text::jsonb, '{data,seq}', to_jsonb(seq))::json
      from numbered`];
  });
}
