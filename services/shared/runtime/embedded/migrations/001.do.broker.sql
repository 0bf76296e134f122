-- The broker of one installation: a log per topic, what each consumer has taken, dead letters, jobs, state.

create table broker.partitions (
  topic text not null,
  partition integer not null,
  -- A publisher holds this row's lock to its commit, so offsets become visible in order and without holes.
  next_offset bigint not null default 0,
  primary key (topic, partition)
) with (fillfactor = 50);

create table broker.events (
  topic text not null,
  partition integer not null,
  "offset" bigint not null,
  key text not null,
  event json not null,
  at timestamptz not null,
  primary key (topic, partition, "offset")
);

create table broker.offsets (
  consumer text not null,
  topic text not null,
  partition integer not null,
  -- Everything below was taken or is a dead letter.
  next_offset bigint not null default 0,
  primary key (consumer, topic, partition)
) with (fillfactor = 50);

create table broker.dead_letters (
  id uuid primary key default gen_random_uuid(),
  topic text not null,
  partition integer not null,
  "offset" bigint not null,
  consumer text not null,
  key text not null,
  event json not null,
  error text not null,
  attempts integer not null,
  at timestamptz not null,
  -- On its way to its consumer once more; not listed meanwhile.
  replaying boolean not null default false,
  -- A crash between a dead letter and the offset behind it redelivers the event: it is still one letter.
  unique (consumer, topic, partition, "offset")
);
create index dead_letters_at on broker.dead_letters (at);
create index dead_letters_replaying on broker.dead_letters (consumer, topic, partition) where replaying;

create table broker.jobs (
  service text not null,
  name text not null,
  due_at timestamptz not null,
  data json not null,
  attempts integer not null default 0,
  -- A job that is overwritten while it runs is another job: its run may not delete it.
  version uuid not null default gen_random_uuid(),
  primary key (service, name)
);
create index jobs_due on broker.jobs (service, due_at);

create table broker.state (
  service text not null,
  key text not null,
  value json not null,
  etag uuid not null default gen_random_uuid(),
  expires_at timestamptz,
  primary key (service, key)
);
create index state_expires on broker.state (expires_at) where expires_at is not null;

grant select, insert, update, delete on all tables in schema broker to rondo_broker;
