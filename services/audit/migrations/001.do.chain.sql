-- The user whose rows this transaction may touch. Nothing here works across users.
create function audit.me() returns uuid
language sql stable parallel safe
as $$ select nullif(current_setting('rondo.user_id', true), '')::uuid $$;

create table audit.inbox (
  consumer text not null,
  event_id uuid not null,
  received_at timestamptz not null default now(),
  primary key (consumer, event_id)
);
create index inbox_age on audit.inbox (received_at);

create table audit.inbox_positions (
  consumer text not null,
  topic text not null,
  user_id uuid not null,
  seq bigint not null,
  primary key (consumer, topic, user_id)
);

-- One row per event. hash = SHA-256 over prev_hash and the row in RFC 8785 form; see chain.ts.
create table audit.entries (
  user_id uuid not null,
  n bigint not null check (n > 0),
  event_id uuid not null,
  type text not null,
  at timestamptz not null,
  actor jsonb not null,
  task_id uuid,
  correlation_id text not null,
  causation_id text not null,
  before jsonb,
  after jsonb,
  prev_hash text not null,
  hash text not null,
  primary key (user_id, n),
  unique (user_id, event_id)
);
create index entries_task on audit.entries (user_id, task_id, n) where task_id is not null;
create index entries_type on audit.entries (user_id, type, n);

-- The end of each chain: locked by whoever appends, and what shows that a tail was cut off.
create table audit.heads (
  user_id uuid primary key,
  n bigint not null,
  hash text not null
);

create function audit.refuse() returns trigger
language plpgsql
as $$ begin
  raise exception 'audit.% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end $$;
-- For every role, the owner as well: rights can be granted by mistake, a trigger has to be taken away on purpose.
create trigger entries_append_only before update or delete or truncate on audit.entries
  for each statement execute function audit.refuse();
create trigger heads_kept before delete or truncate on audit.heads
  for each statement execute function audit.refuse();

create function audit.refuse_rewind() returns trigger
language plpgsql
as $$ begin
  if new.user_id <> old.user_id or new.n <> old.n + 1 then
    raise exception 'audit.heads moves on by one entry at a time' using errcode = 'insufficient_privilege';
  end if;
  return new;
end $$;
create trigger heads_forward before update on audit.heads
  for each row execute function audit.refuse_rewind();

do $$
declare name text;
begin
  foreach name in array array['inbox_positions', 'entries', 'heads'] loop
    execute format('alter table audit.%I enable row level security', name);
    execute format('create policy own on audit.%I to rondo_audit using (user_id = (select audit.me()))', name);
  end loop;
end $$;

grant select, insert, delete on audit.inbox to rondo_audit;
grant select, insert, update on audit.inbox_positions, audit.heads to rondo_audit;
grant select, insert on audit.entries to rondo_audit;
revoke execute on all functions in schema audit from public;
grant execute on function audit.me() to rondo_audit;
