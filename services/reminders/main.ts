/** Starts the reminders service alone. */
import { runService } from "../shared/host/run.ts";
import { createReminders } from "./app.ts";

await runService("reminders", "rondo_reminders", ({ dependencies }) => createReminders(dependencies));
