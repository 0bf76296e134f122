-- A reminder's firing goes on with the trace of the change that set it.
alter table reminders.ledger add column traceparent text not null default '';
