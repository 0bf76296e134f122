/** Starts the relay service alone. */
import { runService } from "../shared/host/run.ts";
import { createRelay } from "./app.ts";

await runService("relay", "rondo_relay", ({ dependencies }) => createRelay(dependencies));
