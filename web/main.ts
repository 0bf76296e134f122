/** Starts the static server alone: the application's files, without the API. PORT decides where, 8080 else. */
import { build } from "./build.ts";
import { createStaticHandler } from "./server.ts";

const port = Number(Deno.env.get("PORT") ?? 8080);
if (!Number.isInteger(port) || port < 0 || port > 65_535) {
  throw new RangeError(`Cannot listen as PORT must be 0-65535: current value is ${Deno.env.get("PORT")}`);
}
if (Deno.args.includes("--build")) await build();
const handle = createStaticHandler({ dist: new URL("dist", import.meta.url).pathname });
const server = Deno.serve(
  { port, onListen: ({ port }) => console.log(`web listens on ${port}`) },
  async (request) => {
    if (new URL(request.url).pathname === "/health") return new Response("ok");
    return await handle(request);
  },
);
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.addSignalListener(signal, () => {
    stop.abort();
    void server.shutdown();
  });
}
await server.finished;
// The listeners would keep the process alive.
if (stop.signal.aborted) Deno.exit(0);
