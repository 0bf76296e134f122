-- The user whose rows this transaction may touch. Every policy below compares with it.
create function tasks.me() returns uuid
language sql stable parallel safe
as $$ select nullif(current_setting('rondo.user_id', true), '')::uuid $$;

-- Text as search sees it: no accents, no case, words apart by single spaces. unaccent is only stable because
-- its dictionary could be altered; naming the dictionary makes the answer depend on the argument alone.
create function tasks.fold(source text) returns text
language sql immutable parallel safe
as $$
  select trim(regexp_replace(lower(public.unaccent('public.unaccent'::regdictionary, source)), '[^[:alnum:]]+', ' ', 'g'))
$$;

create function tasks.search_vector(title text, tags text[], notes text) returns tsvector
language sql immutable parallel safe
as $$
  select setweight(to_tsvector('pg_catalog.simple', tasks.fold(title)), 'A')
      || setweight(to_tsvector('pg_catalog.simple', tasks.fold(array_to_string(tags, ' '))), 'B')
      || setweight(to_tsvector('pg_catalog.simple', tasks.fold(left(notes, 20000))), 'D')
$$;

create table tasks.profiles (
  user_id uuid primary key,
  name text not null,
  email text not null,
  time_zone text not null default 'UTC',
  preferences jsonb not null,
  created_at timestamptz not null
);

-- The user's own numbering of changes. Its row lock is the user's write lock: whoever holds it is alone.
create table tasks.streams (
  user_id uuid primary key,
  seq bigint not null
);

create table tasks.changes (
  user_id uuid not null,
  seq bigint not null,
  event_id uuid not null,
  type text not null,
  entity_id uuid not null,
  at timestamptz not null,
  actor jsonb not null,
  causation_id uuid not null,
  correlation_id text not null,
  before jsonb,
  -- The event's data: the thing as it is after the change, and what consumers need beside it.
  data jsonb not null,
  primary key (user_id, seq)
);
create unique index changes_event on tasks.changes (user_id, event_id);
create index changes_causation on tasks.changes (user_id, causation_id);
create index changes_entity on tasks.changes (user_id, entity_id, seq);

create table tasks.outbox (
  id bigint generated always as identity primary key,
  user_id uuid not null,
  seq bigint not null,
  topics text[] not null,
  event json not null,
  created_at timestamptz not null default now()
);

create table tasks.lists (
  id uuid primary key,
  user_id uuid not null,
  name text not null,
  colour text not null,
  inbox boolean not null default false,
  position text collate "C" not null,
  version int not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz,
  unique (user_id, id)
);
create unique index lists_inbox on tasks.lists (user_id) where inbox;
create index lists_position on tasks.lists (user_id, position) where deleted_at is null;

create table tasks.filters (
  id uuid primary key,
  user_id uuid not null,
  name text not null,
  query text not null,
  position text collate "C" not null,
  version int not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  deleted_at timestamptz
);
create index filters_position on tasks.filters (user_id, position) where deleted_at is null;

create table tasks.tasks (
  id uuid primary key,
  user_id uuid not null,
  list_id uuid not null,
  parent_id uuid,
  title text not null,
  notes text not null,
  -- 0 low, 1 medium, 2 high, 3 urgent
  priority smallint not null,
  tags text[] not null,
  status text not null check (status in ('open', 'completed')),
  due_date date,
  due_time time,
  due_zone text,
  due_at timestamptz,
  rule text,
  mode text check (mode in ('schedule', 'completion')),
  series_id uuid,
  occurrence int,
  -- The due of the series' first occurrence, and the grid date that this one stands for.
  anchor jsonb,
  scheduled date,
  reminders jsonb not null,
  position text collate "C" not null,
  version int not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  completed_at timestamptz,
  deleted_at timestamptz,
  search tsvector generated always as (tasks.search_vector(title, tags, notes)) stored,
  foreign key (user_id, list_id) references tasks.lists (user_id, id),
  check ((due_date is null) = (due_at is null)),
  check (due_time is null or due_date is not null),
  check ((rule is null) = (mode is null)),
  check ((rule is null) = (anchor is null)),
  check ((status = 'completed') = (completed_at is not null))
);
-- One occurrence of a series exists once, whatever is repeated.
create unique index tasks_occurrence on tasks.tasks (series_id, occurrence) where series_id is not null;
create index tasks_due on tasks.tasks (user_id, status, (coalesce(due_at, 'infinity')), id) where deleted_at is null;
create index tasks_created on tasks.tasks (user_id, status, created_at, id) where deleted_at is null;
create index tasks_created_overall on tasks.tasks (user_id, created_at, id) where deleted_at is null;
create index tasks_updated on tasks.tasks (user_id, status, updated_at, id) where deleted_at is null;
create index tasks_priority on tasks.tasks (user_id, status, priority, id) where deleted_at is null;
create index tasks_title on tasks.tasks (user_id, status, (lower(left(title, 200)) collate "C"), id)
  where deleted_at is null;
create index tasks_position on tasks.tasks (user_id, list_id, position, id) where deleted_at is null;
create index tasks_position_overall on tasks.tasks (user_id, status, position, id) where deleted_at is null;
create index tasks_trash on tasks.tasks (user_id, deleted_at, id) where deleted_at is not null;
create index tasks_parent on tasks.tasks (user_id, parent_id) where parent_id is not null;
create index tasks_search on tasks.tasks using gin (user_id, search);

-- Every word that a user's tasks have ever held: what a misspelt one is compared with.
create table tasks.words (
  user_id uuid not null,
  word text collate "C" not null,
  primary key (user_id, word)
);
create index words_similar on tasks.words using gin (user_id, word public.gin_trgm_ops);

create function tasks.learn_words() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  insert into tasks.words (user_id, word)
  select new.user_id, left(l.lexeme, 64) from unnest(new.search) as l where length(l.lexeme) > 2
  on conflict do nothing;
  return null;
end $$;
create trigger learn_words_insert after insert on tasks.tasks for each row execute function tasks.learn_words();
create trigger learn_words_update after update of title, tags, notes on tasks.tasks for each row
  when (old.search is distinct from new.search) execute function tasks.learn_words();

create table tasks.idempotency (
  user_id uuid not null,
  key text not null,
  fingerprint text not null,
  status int not null,
  headers jsonb not null,
  body text not null,
  created_at timestamptz not null,
  primary key (user_id, key)
);
create index idempotency_age on tasks.idempotency (created_at);

create table tasks.feeds (
  user_id uuid primary key,
  secret text not null unique,
  created_at timestamptz not null
);

do $$
declare name text;
begin
  foreach name in array array[
    'profiles', 'streams', 'changes', 'outbox', 'lists', 'filters', 'tasks', 'words', 'idempotency', 'feeds'
  ] loop
    execute format('alter table tasks.%I enable row level security', name);
    execute format('create policy own on tasks.%I to rondo_api using (user_id = (select tasks.me()))', name);
  end loop;
end $$;
-- The relay sees every user's events, and nothing else.
create policy relay on tasks.outbox to rondo_relay using (true);

grant select, insert, update on tasks.profiles, tasks.streams, tasks.lists, tasks.filters, tasks.tasks to rondo_api;
grant select, insert on tasks.changes to rondo_api;
grant select, insert, update on tasks.idempotency to rondo_api;
grant insert on tasks.outbox to rondo_api;
grant select, insert, update, delete on tasks.feeds to rondo_api;
grant usage on schema tasks to rondo_relay;
grant select, delete on tasks.outbox to rondo_relay;

create function tasks.letters(word text) returns text
language sql immutable parallel safe
as $$ select string_agg(letter, '' order by letter) from unnest(string_to_array(word, null)) as letter $$;

-- Search stands below row-level security on purpose: a policy may not be passed by operators that are not
-- leak-proof, and text search's are not, so no index could be used. These functions look at the same setting
-- as the policies, and at nothing else.
create function tasks.search_query(q text) returns tsquery
language plpgsql stable security definer set search_path = ''
as $$
declare
  wanted text;
  alternatives text;
  result tsquery;
begin
  foreach wanted in array string_to_array(tasks.fold(q), ' ') loop
    continue when wanted = '';
    wanted := left(wanted, 64);
    alternatives := quote_literal(wanted) || ':*';
    -- A word that the user's tasks hold, as it is or as a beginning, is no typo.
    if length(wanted) > 2 and not exists (
      select from tasks.words w
      where w.user_id = (select tasks.me()) and w.word >= wanted and w.word < wanted || chr(1114111)
    ) then
      select alternatives || coalesce(' | ' || string_agg(quote_literal(near.word), ' | '), '')
      into alternatives
      from (
        select w.word from tasks.words w
        where w.user_id = (select tasks.me())
          and w.word operator(public.%) wanted
          and abs(length(w.word) - length(wanted)) <= 2
        union
        -- Short words share too few trigrams with their misspellings: those with the same first letter are
        -- compared letter by letter, and two letters in the wrong order count as one slip.
        select w.word from tasks.words w
        where w.user_id = (select tasks.me())
          and w.word >= left(wanted, 1) and w.word < left(wanted, 1) || chr(1114111)
          and abs(length(w.word) - length(wanted)) <= 1
          and public.levenshtein_less_equal(w.word, wanted, 2) <= case
            when length(wanted) > 5 or tasks.letters(w.word) = tasks.letters(wanted) then 2
            else 1
          end
        limit 20
      ) near;
    end if;
    result := case when result is null then alternatives::tsquery else result && alternatives::tsquery end;
  end loop;
  return result;
end $$;
alter function tasks.search_query(text) set pg_trgm.similarity_threshold = 0.3;

-- Hits with their rank: the weights put any title hit above any number of hits in the notes.
create function tasks.search(q text) returns table (id uuid, rank real)
language plpgsql stable security definer set search_path = ''
as $$
declare
  query tsquery := tasks.search_query(q);
begin
  if query is null then return; end if;
  return query
    select t.id, ts_rank('{0.001, 0.01, 0.1, 1.0}', t.search, query, 0)
    from tasks.tasks t
    where t.user_id = tasks.me() and t.search @@ query;
end $$;

-- The user behind a feed's secret: asked before a user is known.
create function tasks.feed_user(given text) returns uuid
language sql stable security definer set search_path = ''
as $$ select user_id from tasks.feeds where secret = given $$;

-- What has had its time: answers kept for repeats after a day, trash after thirty.
create function tasks.purge(at timestamptz) returns table (answers bigint, trashed bigint)
language plpgsql security definer set search_path = ''
as $$
begin
  delete from tasks.idempotency where created_at < at - interval '24 hours';
  get diagnostics answers = row_count;
  delete from tasks.tasks where deleted_at < at - interval '30 days';
  get diagnostics trashed = row_count;
  return next;
end $$;

revoke execute on all functions in schema tasks from public;
grant execute on all functions in schema tasks to rondo_api;
