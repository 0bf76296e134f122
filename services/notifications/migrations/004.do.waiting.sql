-- Due reminders whose user nobody could ask the api about. They are taken out of the broker's hands, which would count
-- each try against the event, and told when the api answers again.
create table notifications.waiting (
  event_id uuid primary key,
  user_id uuid not null,
  seq bigint not null,
  -- The whole event.
  event json not null,
  received_at timestamptz not null
);
create index waiting_user on notifications.waiting (user_id, seq);
create index waiting_order on notifications.waiting (received_at, user_id, seq);

alter table notifications.waiting enable row level security;
create policy own on notifications.waiting to rondo_notifications
  using (user_id = (select notifications.me()));
create policy sweep on notifications.waiting for select to rondo_notifications
  using ((select notifications.sweeping()));
grant select, insert, delete on notifications.waiting to rondo_notifications;
