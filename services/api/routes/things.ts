/** Lists, filters, tags and the profile. */
import { z } from "@hono/zod-openapi";
import {
  Filter,
  FilterInput,
  FilterPatch,
  List,
  ListInput,
  ListPatch,
  ListWithCount,
  Me,
  ProfilePatch,
} from "../../shared/contracts/resources.ts";
import { Uuid } from "../../shared/contracts/task.ts";
import type { Sql } from "../../shared/store/database.ts";
import { createFilter, createList, deleteFilter, deleteList, patchFilter, patchList } from "../lists.ts";
import { patchProfile } from "../profile.ts";
import { getFilter, getList, getProfile, listFilters, listLists, listTags } from "../queries.ts";
import { endpoint, type EndpointTools } from "./endpoint.ts";

const Id = z.object({ id: Uuid });
const items = <T extends z.ZodType>(schema: T) => z.object({ items: z.array(schema) });

export interface ThingOptions {
  sql: Sql;
  /** What this installation can do, for the settings page. */
  capabilities: z.infer<typeof Me>["capabilities"];
}

/** Adds `/api/me`, `/api/tags`, `/api/lists` and `/api/filters`. */
export function thingRoutes(tools: EndpointTools, options: ThingOptions): void {
  const { sql, capabilities } = options;

  endpoint(
    tools,
    {
      method: "get",
      path: "/api/me",
      summary: "Who I am, my preferences, and what this server can do",
      tag: "Profile",
      scope: "read",
      responses: { 200: { description: "The profile", schema: Me } },
    },
    async ({ context, principal }) =>
      context.json({ ...await getProfile(sql, principal.userId), capabilities }),
  );

  endpoint(
    tools,
    {
      method: "patch",
      path: "/api/me",
      summary: "Change name, time zone or preferences",
      tag: "Profile",
      scope: "write",
      previews: true,
      body: {
        schema: ProfilePatch,
        required: true,
        mediaTypes: ["application/json", "application/merge-patch+json"],
      },
      responses: { 200: { description: "The profile", schema: Me } },
    },
    ({ body, command }) =>
      command(async (unit) => ({ status: 200, body: { ...await patchProfile(unit, body), capabilities } })),
  );

  endpoint(tools, {
    method: "get",
    path: "/api/tags",
    summary: "Tags with the number of open tasks",
    tag: "Tags",
    scope: "read",
    responses: {
      200: {
        description: "Tags, most used first",
        schema: items(z.object({ tag: z.string(), open: z.int() })),
      },
    },
  }, async ({ context, principal }) => context.json({ items: await listTags(sql, principal.userId) }));

  endpoint(tools, {
    method: "get",
    path: "/api/lists",
    summary: "Lists with the number of open tasks, the Inbox first",
    tag: "Lists",
    scope: "read",
    responses: { 200: { description: "Lists", schema: items(ListWithCount) } },
  }, async ({ context, principal }) => context.json({ items: await listLists(sql, principal.userId) }));

  endpoint(tools, {
    method: "post",
    path: "/api/lists",
    summary: "Create a list",
    tag: "Lists",
    scope: "write",
    previews: true,
    body: { schema: ListInput, required: true },
    responses: { 201: { description: "The list", schema: List } },
  }, ({ body, command }) =>
    command(async (unit) => {
      const list = await createList(unit, body);
      return { status: 201, body: list, headers: { location: `/api/lists/${list.id}` } };
    }));

  endpoint(tools, {
    method: "get",
    path: "/api/lists/{id}",
    summary: "One list",
    tag: "Lists",
    scope: "read",
    params: Id,
    responses: { 200: { description: "The list", schema: ListWithCount } },
  }, async ({ context, principal, params }) => context.json(await getList(sql, principal.userId, params.id)));

  endpoint(
    tools,
    {
      method: "patch",
      path: "/api/lists/{id}",
      summary: "Rename, recolour or move a list",
      tag: "Lists",
      scope: "write",
      previews: true,
      params: Id,
      body: {
        schema: ListPatch,
        required: true,
        mediaTypes: ["application/json", "application/merge-patch+json"],
      },
      responses: { 200: { description: "The list", schema: List } },
    },
    ({ params, body, command }) =>
      command(async (unit) => ({ status: 200, body: await patchList(unit, params.id, body) })),
  );

  endpoint(
    tools,
    {
      method: "delete",
      path: "/api/lists/{id}",
      summary: "Move a list and its tasks to trash",
      tag: "Lists",
      scope: "write",
      previews: true,
      params: Id,
      responses: { 200: { description: "The list as it was", schema: List } },
    },
    ({ params, command }) =>
      command(async (unit) => ({ status: 200, body: await deleteList(unit, params.id) })),
  );

  endpoint(tools, {
    method: "get",
    path: "/api/filters",
    summary: "Saved filters",
    tag: "Filters",
    scope: "read",
    responses: { 200: { description: "Filters", schema: items(Filter) } },
  }, async ({ context, principal }) => context.json({ items: await listFilters(sql, principal.userId) }));

  endpoint(tools, {
    method: "post",
    path: "/api/filters",
    summary: "Save a filter",
    tag: "Filters",
    scope: "write",
    previews: true,
    body: { schema: FilterInput, required: true },
    responses: { 201: { description: "The filter", schema: Filter } },
  }, ({ body, command }) =>
    command(async (unit) => {
      const filter = await createFilter(unit, body);
      return { status: 201, body: filter, headers: { location: `/api/filters/${filter.id}` } };
    }));

  endpoint(
    tools,
    {
      method: "get",
      path: "/api/filters/{id}",
      summary: "One filter",
      tag: "Filters",
      scope: "read",
      params: Id,
      responses: { 200: { description: "The filter", schema: Filter } },
    },
    async ({ context, principal, params }) => context.json(await getFilter(sql, principal.userId, params.id)),
  );

  endpoint(
    tools,
    {
      method: "patch",
      path: "/api/filters/{id}",
      summary: "Change a filter",
      tag: "Filters",
      scope: "write",
      previews: true,
      params: Id,
      body: {
        schema: FilterPatch,
        required: true,
        mediaTypes: ["application/json", "application/merge-patch+json"],
      },
      responses: { 200: { description: "The filter", schema: Filter } },
    },
    ({ params, body, command }) =>
      command(async (unit) => ({ status: 200, body: await patchFilter(unit, params.id, body) })),
  );

  endpoint(
    tools,
    {
      method: "delete",
      path: "/api/filters/{id}",
      summary: "Delete a filter",
      tag: "Filters",
      scope: "write",
      previews: true,
      params: Id,
      responses: { 200: { description: "The filter as it was", schema: Filter } },
    },
    ({ params, command }) =>
      command(async (unit) => ({ status: 200, body: await deleteFilter(unit, params.id) })),
  );
}
