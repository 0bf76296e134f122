/** Starts the assistant alone. */
import { runService } from "../shared/host/run.ts";
import { createAssistant } from "./app.ts";
import { endpointOf } from "./options.ts";

await runService(
  "assistant",
  "rondo_assistant",
  ({ dependencies, config, publicUrl }) =>
    createAssistant({ ...dependencies, publicUrl, endpoint: endpointOf(config) }),
);
