/** Many tasks of many users, written straight into the database of a running Rondo. */
import type { Sql } from "../../services/shared/store/database.ts";
import type { Client } from "../support/client.ts";

const VERBS =
  "call pay buy send write review plan book clean fix order read update prepare water return renew check schedule cancel"
    .split(" ");
const THINGS =
  "report invoice dentist plumber passport contract laptop garden kitchen budget slides ticket newsletter insurance holiday bicycle printer backup website garage taxes present recipe meeting flight rent filter roof curtains windows"
    .split(" ");
const TAGS = "home work errands waiting phone computer money health family travel garden someday".split(" ");
/** Begin and end of the many names that each appear in few titles. */
const STARTS =
  "bar bel cor dan del fen gar hal ivo jor kal lem mar nor ost pel quin ros sal tam ulm ver wen yor zel"
    .split(" ");
const MIDDLES = "a e i o u an en in on ar er or al el il".split(" ");
const ENDS = "bach berg dorf field ford ham ley mont ridge son stein ton vale ville wick".split(" ");

export interface Seeded {
  /** A word of few titles, one of every twentieth, and a misspelt one. */
  words: { selective: string; common: string; misspelt: string };
  seconds: number;
}

/** Gives each of these users `each` tasks in their Inbox, and the words that search knows them by. */
export async function seedTasks(admin: Sql, users: readonly Client[], each: number): Promise<Seeded> {
  const started = performance.now();
  const names = STARTS.flatMap((start) =>
    MIDDLES.flatMap((middle) => ENDS.map((end) => start + middle + end))
  );
  // An account gets its Inbox with its first call.
  for (const user of users) await user.call("GET", "/api/lists");
  const ids = users.map(({ id }) => id);
  await admin.begin(async (tx) => {
    // Neither words are learnt row by row nor is each row's list looked up.
    await tx`set local session_replication_role = replica`;
    await tx`
    insert into tasks.tasks (id, user_id, list_id, title, notes, priority, tags, status, due_date, due_time, due_at,
      reminders, position, version, created_at, updated_at, completed_at)
    select uuidv7(), u.user_id, u.list_id,
      initcap(v.verbs[1 + (random() * 19)::int]) || ' the ' || v.things[1 + (random() * 29)::int] || ' for '
        || initcap(v.names[1 + (hashint4(g.n) & 2147483647) % array_length(v.names, 1)]),
      case when g.n % 5 = 0 then 'Ask ' || v.names[1 + (random() * 5000)::int] || ' about the '
        || v.things[1 + (random() * 29)::int] || ' before it is too late.' else '' end,
      (random() * 3)::int, v.tags[1 + g.n % 12 : 1 + g.n % 12 + g.n % 3], d.status, d.due_date, d.due_time,
      (d.due_date + coalesce(d.due_time, '00:00'::time)) at time zone 'UTC', '[]',
      'e' || lpad(g.n::text, 5, '0'), 1, d.made, d.made, case when d.status = 'completed' then d.made end
    from (select user_id, id as list_id from tasks.lists where inbox and user_id = any(${ids}::uuid[])) u,
      (select ${VERBS}::text[] as verbs, ${THINGS}::text[] as things, ${TAGS}::text[] as tags,
        ${names}::text[] as names) v,
      generate_series(1, ${each}::int) as g (n),
      lateral (select
        case when g.n % 10 < 3 then 'completed' else 'open' end as status,
        case when g.n % 4 > 0 then current_date + (g.n * 7919 % 120) - 30 end as due_date,
        case when g.n % 8 in (1, 2, 3) then '09:30'::time end as due_time,
        now() - g.n * interval '7 minutes' as made) d`;
  });
  await admin`
    insert into tasks.words (user_id, word)
    select distinct t.user_id, left(l.lexeme, 64) from tasks.tasks t, unnest(t.search) as l
    where length(l.lexeme) > 2 and t.user_id = any(${ids}::uuid[])
    on conflict do nothing`;
  await admin`vacuum analyze tasks.tasks`;
  await admin`vacuum analyze tasks.words`;
  const [rare] = await admin<{ title: string }[]>`
    select title from tasks.tasks where user_id = ${
    ids[0] ?? ""
  } and status = 'open' order by id limit 1 offset 99`;
  const selective = rare?.title.split(" ").at(-1)?.toLowerCase() ?? "";
  return {
    words: { selective, common: "invoice", misspelt: "inovice" },
    seconds: (performance.now() - started) / 1_000,
  };
}
