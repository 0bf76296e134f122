-- The key pair that says to push services who sends (RFC 8292), unless the settings give one. There is one row at most:
-- browsers bind a subscription to the public key, so that another one would end them all.
create table notifications.push_keys (
  singleton boolean primary key default true check (singleton),
  public_key text not null,
  private_key text not null,
  created_at timestamptz not null default now()
);

-- A browser that wants to be told. The endpoint is the browser's own: whoever signs in there next takes it over.
create table notifications.push_subscriptions (
  id uuid primary key,
  user_id uuid not null,
  endpoint text not null unique,
  p256dh text not null,
  auth text not null,
  label text not null,
  created_at timestamptz not null,
  last_delivered_at timestamptz
);
create index push_subscriptions_user on notifications.push_subscriptions (user_id, id);

-- Which browser has had a delivery, so that another attempt goes to the others alone.
create table notifications.push_receipts (
  delivery_id uuid not null references notifications.deliveries (id),
  subscription_id uuid not null,
  user_id uuid not null,
  status text not null check (status in ('delivered', 'refused')),
  at timestamptz not null,
  primary key (delivery_id, subscription_id)
);

do $$
declare name text;
begin
  foreach name in array array['push_subscriptions', 'push_receipts'] loop
    execute format('alter table notifications.%I enable row level security', name);
    execute format(
      'create policy own on notifications.%I to rondo_notifications using (user_id = (select notifications.me()))',
      name);
  end loop;
end $$;
-- Takes an endpoint away from whoever had it before.
create policy sweep on notifications.push_subscriptions to rondo_notifications
  using ((select notifications.sweeping()));

grant select, insert on notifications.push_keys to rondo_notifications;
grant select, insert, update, delete on notifications.push_subscriptions to rondo_notifications;
grant select, insert on notifications.push_receipts to rondo_notifications;
