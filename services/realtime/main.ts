/** Starts the realtime service alone. */
import { runService } from "../shared/host/run.ts";
import { createRealtime } from "./app.ts";

await runService("realtime", "rondo_realtime", ({ dependencies }) => createRealtime(dependencies));
