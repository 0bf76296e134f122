/** The profile of a user, and what follows when its zone changes. */
import type { z } from "zod";
import { DEFAULT_PREFERENCES, type Profile, type ProfilePatch } from "../shared/contracts/resources.ts";
import { asUser, type Sql } from "../shared/store/database.ts";
import { newList } from "./lists.ts";
import { positionAfter } from "./tasks.ts";
import { dueAtOf } from "./task_state.ts";
import type { Unit } from "./unit.ts";

/** Makes what every account has: a profile, a stream of changes, an Inbox. Does nothing the second time. */
export async function createProfile(
  sql: Sql,
  user: { id: string; name: string; email: string },
  at: string,
): Promise<void> {
  const inbox = newList(at, {
    name: "Inbox",
    colour: "grey",
    inbox: true,
    position: positionAfter(undefined),
  });
  await asUser(sql, user.id, async (tx) => {
    await tx`
      with profile as (
        insert into tasks.profiles (user_id, name, email, preferences, created_at)
        values (${user.id}, ${user.name.slice(0, 100)}, ${user.email}, ${tx.json(DEFAULT_PREFERENCES)}, ${at})
        on conflict do nothing returning user_id
      ), stream as (
        insert into tasks.streams (user_id, seq) select user_id, 0 from profile on conflict do nothing
      )
      insert into tasks.lists (id, user_id, name, colour, inbox, position, version, created_at, updated_at)
      select ${inbox.id}, user_id, ${inbox.name}, ${inbox.colour}, true, ${inbox.position}, 1, ${at}, ${at}
      from profile`;
  });
}

/** A merge patch, also inside `preferences`. */
export async function patchProfile(unit: Unit, patch: z.infer<typeof ProfilePatch>): Promise<Profile> {
  const before = await unit.profile();
  const { preferences: given = {} } = patch;
  const { preferences: had } = before;
  const after: Profile = {
    ...before,
    name: patch.name ?? before.name,
    timeZone: patch.timeZone ?? before.timeZone,
    preferences: {
      ...had,
      ...given,
      channels: { ...had.channels, ...given.channels },
      quietHours: { ...had.quietHours, ...given.quietHours },
    },
  };
  unit.changeProfile(before, after);
  if (after.timeZone !== before.timeZone) await refloat(unit, after.timeZone);
  return after;
}

/** Floating dues are civil: in another zone they are at another instant. */
export async function refloat(unit: Unit, zone: string): Promise<void> {
  const floating = await unit.findTasks((tx) =>
    tx`due_date is not null and due_zone is null and deleted_at is null`
  );
  for (const task of floating) {
    unit.changeTask("task.updated.v1", task, { ...task, dueAt: dueAtOf(task.due, zone) });
  }
}
