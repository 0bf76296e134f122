/** What a client can read without a tool: a task, a list, today. */
import { type McpServer, ResourceTemplate } from "@modelcontextprotocol/server";
import { z } from "zod";
import { ListWithCount } from "../../shared/contracts/resources.ts";
import { Task } from "../../shared/contracts/task.ts";
import type { Api } from "../api.ts";

const JSON_TYPE = "application/json";
export const TODAY = "rondo://today";
const Tasks = z.object({ items: z.array(Task), nextCursor: z.string().nullable() });
const Lists = z.object({ items: z.array(ListWithCount) });

/** What is overdue and what is due today. */
export async function readToday(api: Api): Promise<{ overdue: Task[]; today: Task[] }> {
  const [overdue, today] = await Promise.all(
    ["overdue", "today"].map(async (due) =>
      Tasks.parse(await api({ method: "GET", path: "/api/tasks", query: { due, sort: "due", limit: 200 } }))
        .items
    ),
  );
  return { overdue: overdue ?? [], today: today ?? [] };
}

const asJson = (uri: string, value: unknown) => ({
  contents: [{ uri, mimeType: JSON_TYPE, text: JSON.stringify(value) }],
});

/** Adds `rondo://today`, `rondo://task/{id}` and `rondo://list/{id}`. */
export function addResources(server: McpServer, api: Api): void {
  server.registerResource("today", TODAY, {
    title: "Today",
    description: "Open tasks that are overdue or due today",
    mimeType: JSON_TYPE,
  }, async (uri) => asJson(uri.href, await readToday(api)));

  server.registerResource(
    "task",
    new ResourceTemplate("rondo://task/{id}", { list: undefined }),
    { title: "A task", description: "One task with its notes", mimeType: JSON_TYPE },
    async (uri, { id }) => asJson(uri.href, await api({ method: "GET", path: `/api/tasks/${one(id)}` })),
  );

  server.registerResource(
    "list",
    new ResourceTemplate("rondo://list/{id}", {
      list: async () => {
        const { items } = Lists.parse(await api({ method: "GET", path: "/api/lists" }));
        return {
          resources: items.map(({ id, name, open }) => ({
            uri: `rondo://list/${id}`,
            name,
            description: `${open} open`,
            mimeType: JSON_TYPE,
          })),
        };
      },
    }),
    { title: "A list", description: "A list and its open tasks", mimeType: JSON_TYPE },
    async (uri, { id }) => {
      const [list, tasks] = await Promise.all([
        api({ method: "GET", path: `/api/lists/${one(id)}` }),
        api({ method: "GET", path: "/api/tasks", query: { list: one(id), sort: "position", limit: 200 } }),
      ]);
      return asJson(uri.href, { list, tasks: Tasks.parse(tasks).items });
    },
  );
}

/** A variable of a template as one segment of a path. */
const one = (variable: string | string[] | undefined): string =>
  encodeURIComponent(Array.isArray(variable) ? variable[0] ?? "" : variable ?? "");
