/** Lists and saved filters. */
import { generateNKeysBetween } from "fractional-indexing";
import { uuidv7 } from "uuidv7";
import type { z } from "zod";
import type {
  Filter,
  FilterInput,
  FilterPatch,
  List,
  ListInput,
  ListPatch,
} from "../shared/contracts/resources.ts";
import { notFound, ProblemError } from "../shared/http/problem.ts";
import { positionAfter } from "./tasks.ts";
import type { Unit } from "./unit.ts";
import type { Tx } from "../shared/store/database.ts";

/** A row of `tasks.lists`. */
export interface ListRow {
  id: string;
  name: string;
  colour: List["colour"];
  inbox: boolean;
  position: string;
  version: number;
  created_at: string;
  updated_at: string;
  deleted_at: string | null;
}

/** A row of `tasks.filters`. */
export interface FilterRow extends Omit<ListRow, "colour" | "inbox"> {
  query: string;
}

/** The list of a row. */
export function toList(row: ListRow): List {
  return {
    id: row.id,
    name: row.name,
    colour: row.colour,
    inbox: row.inbox,
    position: row.position,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    deletedAt: row.deleted_at,
  };
}

/** The filter of a row. */
export function toFilter(row: FilterRow): Filter {
  return {
    id: row.id,
    name: row.name,
    query: row.query,
    position: row.position,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    deletedAt: row.deleted_at,
  };
}

/** A new, empty list; `inbox` only when the account is made. */
export function newList(
  at: string,
  given: Pick<List, "name" | "colour" | "inbox" | "position">,
): List {
  return { id: uuidv7(), ...given, version: 1, createdAt: at, updatedAt: at, deletedAt: null };
}

/** Makes a list behind the others. */
export async function createList(unit: Unit, input: z.infer<typeof ListInput>): Promise<List> {
  return addList(unit, input, positionAfter(await lastPosition(unit.tx, unit.userId, "lists")));
}

/** Makes lists behind the others, in this order; they are written with the unit's next flush. */
export async function createLists(unit: Unit, inputs: readonly z.infer<typeof ListInput>[]): Promise<List[]> {
  const last = await lastPosition(unit.tx, unit.userId, "lists");
  const positions = generateNKeysBetween(last ?? null, null, inputs.length);
  return inputs.map((input, index) => addList(unit, input, positions[index] ?? "a0"));
}

function addList(unit: Unit, input: z.infer<typeof ListInput>, position: string): List {
  const { name, colour = "grey" } = input;
  return unit.changeList("list.created.v1", null, newList(unit.at, { name, colour, inbox: false, position }));
}

/** Applies a merge patch. @throws ProblemError 404, 409 when it renames or moves the Inbox */
export async function patchList(unit: Unit, id: string, patch: z.infer<typeof ListPatch>): Promise<List> {
  const before = await liveList(unit, id);
  if (before.inbox && patch.name !== undefined) throw new ProblemError(409, "The Inbox keeps its name");
  if (before.inbox && patch.position !== undefined) throw new ProblemError(409, "The Inbox keeps its place");
  return unit.changeList("list.updated.v1", before, { ...before, ...patch });
}

/** Moves a list and its tasks to trash; undoing the one brings back the other. */
export async function deleteList(unit: Unit, id: string): Promise<List> {
  const before = await liveList(unit, id);
  if (before.inbox) throw new ProblemError(409, "The Inbox can't be deleted");
  const deleted = unit.changeList("list.deleted.v1", before, { ...before, deletedAt: unit.at });
  for (const task of await unit.findTasks((tx) => tx`list_id = ${id} and deleted_at is null`)) {
    unit.changeTask("task.deleted.v1", task, { ...task, deletedAt: unit.at });
  }
  return deleted;
}

async function liveList(unit: Unit, id: string): Promise<List> {
  const [list] = await findLists(unit, [id]);
  if (list === undefined || list.deletedAt !== null) throw notFound("There is no such list");
  return list;
}

/** Lists by id, deleted ones included. */
export async function findLists(unit: Unit, ids: readonly string[]): Promise<List[]> {
  await unit.flush();
  const rows = await unit.tx<ListRow[]>`
    select * from tasks.lists where user_id = ${unit.userId} and id = any(${[...ids]}::uuid[])`;
  return rows.map(toList);
}

/** Saves a filter behind the others. */
export async function createFilter(unit: Unit, input: z.infer<typeof FilterInput>): Promise<Filter> {
  const position = positionAfter(await lastPosition(unit.tx, unit.userId, "filters"));
  return unit.changeFilter("filter.created.v1", null, {
    id: uuidv7(),
    name: input.name,
    query: input.query,
    position,
    version: 1,
    createdAt: unit.at,
    updatedAt: unit.at,
    deletedAt: null,
  });
}

/** Applies a merge patch. @throws ProblemError 404 */
export async function patchFilter(
  unit: Unit,
  id: string,
  patch: z.infer<typeof FilterPatch>,
): Promise<Filter> {
  const before = await liveFilter(unit, id);
  return unit.changeFilter("filter.updated.v1", before, { ...before, ...patch });
}

/** Removes a filter; undoing brings it back. @throws ProblemError 404 */
export async function deleteFilter(unit: Unit, id: string): Promise<Filter> {
  const before = await liveFilter(unit, id);
  return unit.changeFilter("filter.deleted.v1", before, { ...before, deletedAt: unit.at });
}

async function liveFilter(unit: Unit, id: string): Promise<Filter> {
  const [filter] = await findFilters(unit, [id]);
  if (filter === undefined || filter.deletedAt !== null) throw notFound("There is no such filter");
  return filter;
}

/** Filters by id, deleted ones included. */
export async function findFilters(unit: Unit, ids: readonly string[]): Promise<Filter[]> {
  await unit.flush();
  const rows = await unit.tx<FilterRow[]>`
    select * from tasks.filters where user_id = ${unit.userId} and id = any(${[...ids]}::uuid[])`;
  return rows.map(toFilter);
}

async function lastPosition(tx: Tx, userId: string, table: "lists" | "filters"): Promise<string | undefined> {
  const [last] = await tx<{ position: string }[]>`
    select position from tasks.${tx(table)}
    where user_id = ${userId} and deleted_at is null order by position desc limit 1`;
  return last?.position;
}
