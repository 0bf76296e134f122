/** Starts the recurrence service alone. */
import { runService } from "../shared/host/run.ts";
import { createRecurrence } from "./app.ts";

await runService("recurrence", "rondo_recurrence", ({ dependencies }) => createRecurrence(dependencies));
