-- The user whose rows this transaction may touch; null for none and for the sweep.
create function reminders.me() returns uuid
language sql stable parallel safe
as $$ select nullif(nullif(current_setting('rondo.user_id', true), ''), '*')::uuid $$;

-- The sweep looks across users. It says so with '*' in the same setting: a second policy rather than a function
-- with its owner's rights, so that what it does stays ordinary SQL beside the code.
create function reminders.sweeping() returns boolean
language sql stable parallel safe
as $$ select current_setting('rondo.user_id', true) = '*' $$;

create table reminders.inbox (
  consumer text not null,
  event_id uuid not null,
  received_at timestamptz not null default now(),
  primary key (consumer, event_id)
);
create index inbox_age on reminders.inbox (received_at);

create table reminders.inbox_positions (
  consumer text not null,
  topic text not null,
  user_id uuid not null,
  seq bigint not null,
  primary key (consumer, topic, user_id)
);

create table reminders.streams (
  user_id uuid primary key,
  seq bigint not null
);

create table reminders.outbox (
  id bigint generated always as identity primary key,
  user_id uuid not null,
  seq bigint not null,
  topics text[] not null,
  event json not null,
  created_at timestamptz not null default now()
);

-- What a task's reminders hang on, as its last event told it: enough to plan again when the user moves to
-- another zone, and to know an event that comes late out of the dead letters.
create table reminders.plans (
  task_id uuid primary key,
  user_id uuid not null,
  -- The api's number of the last event taken.
  seq bigint not null,
  occurrence int not null,
  -- Open, not in the trash, not skipped.
  active boolean not null,
  title text not null,
  due jsonb,
  reminders jsonb not null,
  time_zone text not null,
  updated_at timestamptz not null
);
create index plans_floating on reminders.plans (user_id)
  where active and due ->> 'timeZone' is null and reminders <> '[]';
create index plans_age on reminders.plans (updated_at) where not active;

-- The user's zone as the last change of it told: an older change, and a task's event from before it, that come
-- late out of the dead letters must not bring the old zone back.
create table reminders.zones (
  user_id uuid primary key,
  -- The api's number of that change.
  seq bigint not null,
  time_zone text not null
);

-- One row per (task, occurrence, reminder) and round. Delivered is final: the row is the effect's key downstream.
-- Only a reminder that fired and is set to a new moment that still lies ahead opens a next round.
create table reminders.ledger (
  id uuid primary key,
  user_id uuid not null,
  task_id uuid not null,
  occurrence int not null,
  reminder_id text not null,
  round int not null,
  fire_at timestamptz not null,
  -- The moment lay behind already when it was set: it fires at once and counts as late.
  past_when_set boolean not null,
  status text not null check (status in ('scheduled', 'delivered', 'cancelled', 'failed')),
  delivered_at timestamptz,
  late boolean not null default false,
  reason text not null,
  title text not null,
  due_at timestamptz,
  due jsonb,
  -- The job outside this database: asked for, made, to be withdrawn, or none.
  job_state text not null check (job_state in ('wanted', 'set', 'unwanted', 'none')),
  job_set_at timestamptz,
  correlation_id text not null,
  causation_id text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  unique (task_id, occurrence, reminder_id, round),
  check ((status = 'delivered') = (delivered_at is not null))
);
create unique index ledger_one_scheduled on reminders.ledger (task_id, occurrence, reminder_id)
  where status = 'scheduled';
create index ledger_due on reminders.ledger (fire_at) where status = 'scheduled';
create index ledger_jobs on reminders.ledger (fire_at) where job_state in ('wanted', 'unwanted');
create index ledger_list on reminders.ledger (user_id, fire_at, id);

do $$
declare name text;
begin
  foreach name in array array['inbox_positions', 'streams', 'outbox', 'plans', 'zones', 'ledger'] loop
    execute format('alter table reminders.%I enable row level security', name);
    execute format(
      'create policy own on reminders.%I to rondo_reminders using (user_id = (select reminders.me()))', name);
  end loop;
end $$;
create policy sweep on reminders.plans to rondo_reminders using ((select reminders.sweeping()));
create policy sweep on reminders.ledger to rondo_reminders using ((select reminders.sweeping()));
-- The relay sees every user's events, and nothing else.
create policy relay on reminders.outbox to rondo_relay using (true);

grant select, insert, delete on reminders.inbox to rondo_reminders;
grant select, insert, update on reminders.inbox_positions, reminders.streams, reminders.zones, reminders.ledger
  to rondo_reminders;
grant select, insert, update, delete on reminders.plans to rondo_reminders;
grant insert on reminders.outbox to rondo_reminders;
grant usage on schema reminders to rondo_relay;
grant select, delete on reminders.outbox to rondo_relay;
revoke execute on all functions in schema reminders from public;
grant execute on all functions in schema reminders to rondo_reminders;
