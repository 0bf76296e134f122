-- Events of one user are appended together: a head moves on to any later entry, but to an entry only.
create or replace function audit.refuse_rewind() returns trigger
language plpgsql
as $$ begin
  if new.user_id <> old.user_id or new.n <= old.n or not exists (
    select from audit.entries where user_id = new.user_id and n = new.n and hash = new.hash
  ) then
    raise exception 'audit.heads moves on to a later entry only' using errcode = 'insufficient_privilege';
  end if;
  return new;
end $$;
