/** Starts the webhooks service alone. */
import { runService } from "../shared/host/run.ts";
import { createWebhooks } from "./app.ts";

await runService("webhooks", "rondo_webhooks", ({ dependencies, config }) =>
  createWebhooks({
    ...dependencies,
    // Sending is all that this process is for.
    allowPublic: config.WEBHOOKS_ALLOW_PUBLIC ?? true,
    allowPrivate: config.WEBHOOKS_ALLOW_PRIVATE,
  }));
