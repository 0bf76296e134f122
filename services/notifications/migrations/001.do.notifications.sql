-- The user whose rows this transaction may touch; null for none and for the sweep.
create function notifications.me() returns uuid
language sql stable parallel safe
as $$ select nullif(nullif(current_setting('rondo.user_id', true), ''), '*')::uuid $$;

-- The sweep looks across users. It says so with '*' in the same setting: a second policy rather than a function
-- with its owner's rights, so that what it does stays ordinary SQL beside the code.
create function notifications.sweeping() returns boolean
language sql stable parallel safe
as $$ select current_setting('rondo.user_id', true) = '*' $$;

create table notifications.inbox (
  consumer text not null,
  event_id uuid not null,
  received_at timestamptz not null default now(),
  primary key (consumer, event_id)
);
create index inbox_age on notifications.inbox (received_at);

create table notifications.inbox_positions (
  consumer text not null,
  topic text not null,
  user_id uuid not null,
  seq bigint not null,
  primary key (consumer, topic, user_id)
);

create table notifications.streams (
  user_id uuid primary key,
  seq bigint not null
);

create table notifications.outbox (
  id bigint generated always as identity primary key,
  user_id uuid not null,
  seq bigint not null,
  topics text[] not null,
  event json not null,
  created_at timestamptz not null default now()
);

create table notifications.notifications (
  -- A UUIDv7: newest first is by id.
  id uuid primary key,
  user_id uuid not null,
  type text not null,
  -- The row of the reminder ledger; delivered is final there, so it is the key of the effect here.
  reminder_id uuid not null unique,
  task_id uuid,
  title text not null,
  body text not null,
  late boolean not null,
  created_at timestamptz not null,
  read_at timestamptz,
  correlation_id text not null,
  causation_id text not null
);
create index notifications_list on notifications.notifications (user_id, id);
create index notifications_unread on notifications.notifications (user_id, id) where read_at is null;

-- One effect per notification and channel. Of a pending one, `sending_until` is the intent to send: whoever set
-- it is alone until then.
create table notifications.deliveries (
  id uuid primary key,
  user_id uuid not null,
  notification_id uuid not null references notifications.notifications (id),
  channel text not null check (channel in ('in-app', 'email', 'push')),
  status text not null check (status in ('pending', 'delivered', 'failed', 'skipped')),
  attempts int not null default 0,
  error text,
  next_attempt_at timestamptz,
  sending_until timestamptz,
  -- The job outside this database: asked for, made, or none.
  job_state text not null check (job_state in ('wanted', 'set', 'none')),
  updated_at timestamptz not null,
  unique (notification_id, channel),
  check (status <> 'pending' or next_attempt_at is not null)
);
create index deliveries_due on notifications.deliveries (next_attempt_at) where status = 'pending';

do $$
declare name text;
begin
  foreach name in array array['inbox_positions', 'streams', 'outbox', 'notifications', 'deliveries'] loop
    execute format('alter table notifications.%I enable row level security', name);
    execute format(
      'create policy own on notifications.%I to rondo_notifications using (user_id = (select notifications.me()))',
      name);
  end loop;
end $$;
create policy sweep on notifications.notifications for select to rondo_notifications
  using ((select notifications.sweeping()));
create policy sweep on notifications.deliveries to rondo_notifications using ((select notifications.sweeping()));
-- The relay sees every user's events, and nothing else.
create policy relay on notifications.outbox to rondo_relay using (true);

grant select, insert, delete on notifications.inbox to rondo_notifications;
grant select, insert, update on notifications.inbox_positions, notifications.streams, notifications.notifications,
  notifications.deliveries to rondo_notifications;
grant insert on notifications.outbox to rondo_notifications;
grant usage on schema notifications to rondo_relay;
grant select, delete on notifications.outbox to rondo_relay;
revoke execute on all functions in schema notifications from public;
grant execute on all functions in schema notifications to rondo_notifications;
