-- Of a feed's secret only its hash is kept: whoever reads the table can't read the calendars. Feeds that are there go
-- on working. The secret has 256 random bits, so a plain hash can't be guessed back.
alter table tasks.feeds add column secret_hash text unique;
update tasks.feeds set secret_hash = encode(sha256(convert_to(secret, 'UTF8')), 'hex');
alter table tasks.feeds alter column secret_hash set not null;

create or replace function tasks.feed_user(given text) returns uuid
language sql stable security definer set search_path = ''
as $$ select user_id from tasks.feeds where secret_hash = encode(sha256(convert_to(given, 'UTF8')), 'hex') $$;

alter table tasks.feeds drop column secret;
