-- The user whose rows this transaction may touch; null for none and for the loops.
create function webhooks.me() returns uuid
language sql stable parallel safe
as $$ select nullif(nullif(current_setting('rondo.user_id', true), ''), '*')::uuid $$;

-- The loops look across users, and say so with '*' in the same setting.
create function webhooks.sweeping() returns boolean
language sql stable parallel safe
as $$ select current_setting('rondo.user_id', true) = '*' $$;

create table webhooks.inbox (
  consumer text not null,
  event_id uuid not null,
  received_at timestamptz not null default now(),
  primary key (consumer, event_id)
);
create index inbox_age on webhooks.inbox (received_at);

create table webhooks.inbox_positions (
  consumer text not null,
  topic text not null,
  user_id uuid not null,
  seq bigint not null,
  primary key (consumer, topic, user_id)
);

create table webhooks.endpoints (
  id uuid primary key,
  user_id uuid not null,
  url text not null,
  description text not null,
  types text[] not null,
  -- As it is: whoever signs needs it. The one before signs too, until then.
  secret text not null,
  previous_secret text,
  previous_until timestamptz,
  status text not null check (status in ('active', 'paused')),
  paused_reason text,
  -- The change up to which deliveries were made, and the last one that is known to exist.
  queued_seq bigint not null,
  seen_seq bigint not null,
  -- Changes after queued_seq are not taken from events but asked of the api: after a pause, for a replay, when too
  -- many wait.
  behind boolean not null default false,
  failures int not null default 0,
  failing_since timestamptz,
  last_delivered_at timestamptz,
  -- When the next attempt may be made (null: nothing waits), and the intent of one that is being made.
  due_at timestamptz,
  sending_until timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  check ((status = 'paused') = (paused_reason is not null))
);
create index endpoints_user on webhooks.endpoints (user_id, id);
create index endpoints_due on webhooks.endpoints (due_at) where status = 'active' and due_at is not null;
create index endpoints_behind on webhooks.endpoints (id) where status = 'active' and behind;

create table webhooks.deliveries (
  -- A UUIDv7: newest first is by id.
  id uuid primary key,
  user_id uuid not null,
  endpoint_id uuid not null references webhooks.endpoints (id) on delete cascade,
  event_id uuid not null,
  seq bigint not null,
  type text not null,
  -- What is sent, byte for byte at every attempt; null once it is over.
  payload text,
  status text not null check (status in ('pending', 'delivered', 'failed')),
  attempts int not null default 0,
  -- The receiver was there and did not want this one: those behind it do not wait for it.
  refused boolean not null default false,
  next_attempt_at timestamptz,
  response_status int,
  response_body text,
  error text,
  duration_ms int,
  correlation_id text not null,
  traceparent text not null,
  created_at timestamptz not null,
  attempted_at timestamptz,
  check ((status = 'pending') = (next_attempt_at is not null)),
  check (status <> 'pending' or payload is not null)
);
create index deliveries_list on webhooks.deliveries (endpoint_id, id);
-- The queue is in the order of the user's changes, and holds each once.
create unique index deliveries_queue on webhooks.deliveries (endpoint_id, seq) where status = 'pending';
create index deliveries_age on webhooks.deliveries (created_at) where status <> 'pending';

-- Answers to writes that carried a key. They may hold a secret, which stands in this schema anyway.
create table webhooks.answers (
  user_id uuid not null,
  key text not null,
  request text not null,
  status int not null,
  body text not null,
  created_at timestamptz not null,
  primary key (user_id, key)
);
create index answers_age on webhooks.answers (created_at);

-- When an endpoint's next attempt may be made: that of the first in its queue, or of one that stepped aside.
create function webhooks.next_due(endpoint uuid) returns timestamptz
language sql stable
as $$
  select least(
    (
      select next_attempt_at from webhooks.deliveries
      where endpoint_id = endpoint and status = 'pending' and not refused
      order by seq limit 1
    ),
    (
      select min(next_attempt_at) from webhooks.deliveries
      where endpoint_id = endpoint and status = 'pending' and refused
    )
  )
$$;

do $$
declare name text;
begin
  foreach name in array array['inbox_positions', 'endpoints', 'deliveries', 'answers'] loop
    execute format('alter table webhooks.%I enable row level security', name);
    execute format(
      'create policy own on webhooks.%I to rondo_webhooks using (user_id = (select webhooks.me()))', name);
  end loop;
  foreach name in array array['endpoints', 'deliveries', 'answers'] loop
    execute format('create policy sweep on webhooks.%I to rondo_webhooks using ((select webhooks.sweeping()))', name);
  end loop;
end $$;

grant select, insert, delete on webhooks.inbox to rondo_webhooks;
grant select, insert, update on webhooks.inbox_positions to rondo_webhooks;
grant select, insert, update, delete on webhooks.endpoints, webhooks.deliveries, webhooks.answers to rondo_webhooks;
revoke execute on all functions in schema webhooks from public;
grant execute on all functions in schema webhooks to rondo_webhooks;
