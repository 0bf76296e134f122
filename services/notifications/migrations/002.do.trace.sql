-- What becomes of an e-mail later goes on with the trace of what it tells.
alter table notifications.notifications add column traceparent text not null default '';
