import assert from "node:assert/strict";
import postgres from "postgres";
import { testApi } from "../shared/testing/api.ts";
import { asUser } from "../shared/store/database.ts";
import { type TaskQuery, taskStatement } from "./queries.ts";

interface Plan {
  "Node Type": string;
  "Relation Name"?: string;
  Plans?: Plan[];
}
interface Explained {
  "Query Text": string;
  Plan: Plan;
}
const nodes = (plan: Plan): Plan[] => [plan, ...(plan.Plans ?? []).flatMap(nodes)];

Deno.test("GET /api/tasks reads 100,000 tasks of one user among 150,000 through indexes", async (test) => {
  await using api = await testApi();
  const ada = await api.signUp();
  const others = [await api.signUp(), await api.signUp()];
  // The first call of an account makes its Inbox.
  for (const user of [ada, ...others]) await user.call("GET", "/api/me");
  await api.admin`alter table tasks.tasks disable trigger user`;
  // Folding 150,000 titles one by one takes a minute; plans ask only for what the column holds.
  await api.admin`alter table tasks.tasks alter column search drop expression`;
  for (const [user, count] of [[ada, 100_000], ...others.map((other) => [other, 25_000] as const)] as const) {
    await api.admin`
      insert into tasks.tasks (id, user_id, list_id, title, notes, priority, tags, status, due_date, due_at, reminders,
        position, version, created_at, updated_at, completed_at, deleted_at, search)
      select gen_random_uuid(), l.user_id, l.id, 'Task ' || n || ' word' || n % 5000, '', n % 4, array['t' || n % 50],
        case when n % 5 = 0 then 'completed' else 'open' end,
        date '2026-01-01' + n % 700, timestamptz '2026-01-01 00:00+00' + make_interval(days => n % 700), '[]',
        'a' || lpad(n::text, 8, '1'), 1, now() - make_interval(secs => n), now() - make_interval(secs => n * 7 % 1000),
        case when n % 5 = 0 then now() end, case when n % 50 = 0 then now() - make_interval(secs => n) end,
        to_tsvector('pg_catalog.simple', 'task ' || n || ' word' || n % 5000)
      from tasks.lists l, generate_series(1, ${count}::int) n where l.user_id = ${user.userId} and l.inbox`;
  }
  await api.admin`
    insert into tasks.words (user_id, word)
    select distinct t.user_id, l.lexeme from tasks.tasks t, unnest(t.search) l where length(l.lexeme) > 2
    on conflict do nothing`;
  await api.admin`alter table tasks.tasks enable trigger user`;
  await api.admin`analyze tasks.tasks, tasks.words`;
  const list = (await ada.call("GET", "/api/lists")).body.items[0].id;
  const now = Temporal.Instant.from("2027-01-01T12:00:00Z");
  const sql = api.database.connect("rondo_api");
  const shapes: Record<string, { query: Partial<TaskQuery>; sorted?: boolean }> = {
    "newest first": { query: {} },
    "by due": { query: { sort: "due" } },
    "by update": { query: { sort: "updated" } },
    "by priority": { query: { sort: "priority" } },
    "by title": { query: { sort: "title" } },
    "a list by position": { query: { sort: "position", list } },
    "today": { query: { due: "today", sort: "due" } },
    "overdue": { query: { due: "overdue", sort: "due" } },
    "upcoming": { query: { due: "upcoming", sort: "due" } },
    "a range of days": { query: { dueFrom: "2026-12-01", dueTo: "2026-12-31", sort: "due" } },
    "completed": { query: { status: "completed", sort: "updated" } },
    "trash": { query: { deleted: true } },
    "open and completed": { query: { status: "all" } },
    "all lists by position": { query: { sort: "position" } },
    "a tag": { query: { tag: ["t7"] } },
    "words": { query: { q: "word77" }, sorted: true },
  };
  for (const [what, { query, sorted }] of Object.entries(shapes)) {
    await test.step(what, async () => {
      const plan = await asUser(sql, ada.userId, async (tx) => {
        const { statement } = await taskStatement(
          tx,
          ada.userId,
          { status: "open", limit: 50, ...query },
          now,
        );
        const [row] = await tx<{ "QUERY PLAN": [{ Plan: Plan }] }[]>`explain (format json) ${statement}`;
        return row?.["QUERY PLAN"][0].Plan;
      });
      assert.ok(plan);
      const kinds = nodes(plan).map((node) => `${node["Node Type"]} ${node["Relation Name"] ?? ""}`.trim());
      assert.ok(!kinds.some((kind) => /^(Parallel )?Seq Scan tasks$/.test(kind)), kinds.join(", "));
      if (!sorted) assert.ok(!kinds.includes("Sort"), `no sort of all rows: ${kinds.join(", ")}`);
    });
  }
  await test.step("the statements inside of search", async () => {
    const explained = await explainInside(
      api.database.url,
      ada.userId,
      (tx) => tx`select from tasks.search('word77 wrod78')`,
    );
    const inside = explained.flatMap(({ "Query Text": text, Plan: plan }) => {
      const all = nodes(plan);
      const reads = all.flatMap((node) => node["Relation Name"] ?? []);
      return reads.length === 0 ? [] : [{ text, reads, kinds: all.map((node) => node["Node Type"]) }];
    });
    const count = (relation: string) => inside.filter(({ reads }) => reads.includes(relation)).length;
    assert.equal(count("tasks"), 1, "the hits");
    assert.equal(count("words"), 3, "whether each word is known, and what is like the one that is not");
    for (const { text, kinds } of inside) {
      assert.ok(!kinds.some((kind) => kind.includes("Seq Scan")), `${kinds} of ${text}`);
    }
  });
});

/** Runs a statement and gives the plans of all statements that its functions ran, as PostgreSQL explains them. */
async function explainInside(
  url: string,
  userId: string,
  statement: (sql: postgres.Sql) => PromiseLike<unknown>,
): Promise<Explained[]> {
  const explained: Explained[] = [];
  const sql = postgres(url, {
    max: 1,
    fetch_types: false,
    onnotice({ message = "" }) {
      const start = message.indexOf("{");
      if (message.startsWith("duration:") && start > 0) explained.push(JSON.parse(message.slice(start)));
    },
  });
  try {
    await sql`select set_config('rondo.user_id', ${userId}, false)`;
    await sql`load 'auto_explain'`;
    await sql`
      select set_config(name, value, false) from (values
        ('auto_explain.log_min_duration', '0'), ('auto_explain.log_nested_statements', 'on'),
        ('auto_explain.log_format', 'json'), ('auto_explain.log_level', 'notice')) as wanted (name, value)`;
    await statement(sql);
  } finally {
    await sql.end({ timeout: 5 });
  }
  return explained;
}
