/** Prompts that a person can pick: they bring what they talk about with them. */
import type { McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";
import type { Api } from "../api.ts";
import { readToday, TODAY } from "./resources.ts";

const WEEK_OF_TASKS = 200;

/** Adds `plan_my_day` and `weekly_review`. */
export function addPrompts(server: McpServer, api: Api): void {
  server.registerPrompt("plan_my_day", {
    title: "Plan my day",
    description: "Puts today's and overdue tasks in an order, and says what can wait",
    argsSchema: z.object({
      focus: z.string().max(200).optional().describe("What matters most today, in a few words"),
    }),
  }, async ({ focus }) => ({
    messages: [
      said(
        "Plan my day. Put what is overdue and due today in an order that can be done, with a time for each where " +
          "it helps. Say what can wait and until when. " +
          (focus === undefined ? "" : `What matters most today: ${focus}. `) +
          "Propose the changes before you make any.",
      ),
      data(TODAY, await readToday(api)),
    ],
  }));

  server.registerPrompt("weekly_review", {
    title: "Weekly review",
    description: "Looks back at what was done, and at what is open, overdue or without a date",
  }, async () => {
    const tasks = (query: Record<string, string>) =>
      api({ method: "GET", path: "/api/tasks", query: { limit: WEEK_OF_TASKS, ...query } });
    const [{ overdue, today }, done, undated, upcoming] = await Promise.all([
      readToday(api),
      tasks({ status: "completed", sort: "updated", order: "desc" }),
      tasks({ due: "none", sort: "created" }),
      tasks({ due: "upcoming", sort: "due" }),
    ]);
    return {
      messages: [
        said(
          "Review my week. Say in a few lines what was done, what is overdue and why it may be stuck, which tasks " +
            "without a date need one, and what comes next week. Then propose at most five changes, and make none " +
            "before I agree.",
        ),
        data("rondo://review", { overdue, today, upcoming, undated, completed: done }),
      ],
    };
  });
}

const said = (text: string) => ({ role: "user" as const, content: { type: "text" as const, text } });

const data = (uri: string, value: unknown) => ({
  role: "user" as const,
  content: {
    type: "resource" as const,
    resource: { uri, mimeType: "application/json", text: JSON.stringify(value) },
  },
});
