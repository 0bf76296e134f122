/** Starts the notifications service alone. */
import { runService } from "../shared/host/run.ts";
import { createNotifications } from "./app.ts";
import { pushOptions } from "./options.ts";

await runService(
  "notifications",
  "rondo_notifications",
  ({ dependencies, config, publicUrl }) =>
    createNotifications({
      ...{ ...dependencies, publicUrl },
      smtpUrl: config.SMTP_URL,
      mailFrom: config.SMTP_FROM,
      push: pushOptions(config),
    }),
);
