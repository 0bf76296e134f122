-- The user whose rows this transaction may touch; null for none and for the sweep.
create function recurrence.me() returns uuid
language sql stable parallel safe
as $$ select nullif(nullif(current_setting('rondo.user_id', true), ''), '*')::uuid $$;

-- The sweep looks across users. It says so with '*' in the same setting: a second policy rather than a function
-- with its owner's rights, so that what it does stays ordinary SQL beside the code.
create function recurrence.sweeping() returns boolean
language sql stable parallel safe
as $$ select current_setting('rondo.user_id', true) = '*' $$;

create table recurrence.inbox (
  consumer text not null,
  event_id uuid not null,
  received_at timestamptz not null default now(),
  primary key (consumer, event_id)
);
create index inbox_age on recurrence.inbox (received_at);

create table recurrence.inbox_positions (
  consumer text not null,
  topic text not null,
  user_id uuid not null,
  seq bigint not null,
  primary key (consumer, topic, user_id)
);

-- One row per completed or skipped occurrence: the intent, written with the inbox; then what the api made of it.
create table recurrence.occurrences (
  event_id uuid primary key,
  user_id uuid not null,
  task_id uuid not null,
  seq bigint not null,
  -- {date, time} of the occurrence to make; null when the series is over.
  next jsonb,
  status text not null check (status in ('pending', 'made', 'unwanted', 'ended')),
  created_task_id uuid,
  detail text,
  attempts int not null default 0,
  next_attempt_at timestamptz not null,
  causation_id text not null,
  correlation_id text not null,
  traceparent text not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  check ((status = 'ended') = (next is null))
);
create index occurrences_pending on recurrence.occurrences (next_attempt_at) where status = 'pending';
create index occurrences_age on recurrence.occurrences (updated_at) where status <> 'pending';

do $$
declare name text;
begin
  foreach name in array array['inbox_positions', 'occurrences'] loop
    execute format('alter table recurrence.%I enable row level security', name);
    execute format(
      'create policy own on recurrence.%I to rondo_recurrence using (user_id = (select recurrence.me()))', name);
  end loop;
end $$;
create policy sweep on recurrence.occurrences to rondo_recurrence using ((select recurrence.sweeping()));

grant select, insert, delete on recurrence.inbox to rondo_recurrence;
grant select, insert, update on recurrence.inbox_positions to rondo_recurrence;
grant select, insert, update, delete on recurrence.occurrences to rondo_recurrence;
revoke execute on all functions in schema recurrence from public;
grant execute on all functions in schema recurrence to rondo_recurrence;
