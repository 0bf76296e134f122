-- A batch of due reminders is of many users, and is told in a handful of statements that say '*' in place of one user.
create policy sweep_insert on notifications.notifications for insert to rondo_notifications
  with check ((select notifications.sweeping()));
create policy sweep_insert on notifications.waiting for insert to rondo_notifications
  with check ((select notifications.sweeping()));
create policy sweep on notifications.streams to rondo_notifications using ((select notifications.sweeping()));
create policy sweep on notifications.outbox to rondo_notifications using ((select notifications.sweeping()));
