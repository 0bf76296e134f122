-- The first answer to each Idempotency-Key, for a repeat of its request.
create table notifications.answers (
  user_id uuid not null,
  key text not null,
  -- A digest: requests hold what only the browser and its push service are to know.
  request text not null,
  body json not null,
  created_at timestamptz not null,
  primary key (user_id, key)
);
create index answers_age on notifications.answers (created_at);

alter table notifications.answers enable row level security;
create policy own on notifications.answers to rondo_notifications
  using (user_id = (select notifications.me()));
create policy sweep on notifications.answers to rondo_notifications using ((select notifications.sweeping()));
grant select, insert, update, delete on notifications.answers to rondo_notifications;
