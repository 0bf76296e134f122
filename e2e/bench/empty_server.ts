/** A route that does nothing, in a process of its own: what HTTP alone costs. */
import { Hono } from "hono";

const app = new Hono();
app.get("/empty", (context) => context.json({}));
Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(`Empty is running on http://127.0.0.1:${port}`),
}, app.fetch);
