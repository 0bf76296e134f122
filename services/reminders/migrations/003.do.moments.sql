-- A job belongs to a moment, not to a row: nothing has to be withdrawn any more.
update reminders.ledger set job_state = 'none' where job_state = 'unwanted';
-- Those that are set have jobs of their own name; from now on they count on the job of their moment.
update reminders.ledger set job_state = 'wanted' where job_state = 'set' and status = 'scheduled';
alter table reminders.ledger drop constraint ledger_job_state_check;
alter table reminders.ledger add constraint ledger_job_state_check check (job_state in ('wanted', 'set', 'none'));
drop index reminders.ledger_jobs;
create index ledger_jobs on reminders.ledger (fire_at) where job_state = 'wanted';

-- What is due at one moment fires in one transaction, whosever it is.
create policy sweep on reminders.streams to rondo_reminders using ((select reminders.sweeping()));
create policy sweep on reminders.outbox to rondo_reminders using ((select reminders.sweeping()));
