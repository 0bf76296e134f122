/** Starts the audit service alone. */
import { runService } from "../shared/host/run.ts";
import { createAudit } from "./app.ts";

await runService("audit", "rondo_audit", ({ dependencies }) => createAudit(dependencies));
