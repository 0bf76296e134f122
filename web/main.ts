/** Starts the static server alone: the application's files, without the API. */
import { fileURLToPath } from "node:url";
import { readConfig } from "../services/shared/host/config.ts";
import { listen, runMain, stopSignal } from "../services/shared/host/serve.ts";
import { createStaticHandler } from "./server.ts";

const SHUTDOWN_MS = 10_000;

await runMain(async () => {
  const server = listen(readConfig());
  const stopped = stopSignal();
  const serve = createStaticHandler({ dist: fileURLToPath(new URL("dist/", import.meta.url)) });
  server.handle((request) =>
    new URL(request.url).pathname === "/health" ? new Response("ok") : serve(request)
  );
  console.log(`web is running on http://localhost:${server.port}`);
  await stopped;
  await server.close(SHUTDOWN_MS);
});
