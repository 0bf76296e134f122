/** Starts the assistant alone. */
import { runService } from "../shared/host/run.ts";
import { createAssistant } from "./app.ts";

await runService(
  "assistant",
  "rondo_assistant",
  ({ dependencies, publicUrl }) => createAssistant({ ...dependencies, publicUrl }),
);
