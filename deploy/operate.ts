/**
 * What a person or a workflow does to a Rondo that runs: `prepare dapr` (one scheduler, once its chart is there),
 * `deploy <overlay>`, `smoke <address>`, `backup <file>`, `restore <file>`.
 *
 * A deployment takes `RONDO_IMAGES` and `RONDO_TAG` (default: the overlay's images); a backup takes `DATABASE_URL` of
 * a superuser, a restore that of an empty database.
 */
import { readConfig, StartError } from "../services/shared/host/config.ts";
import { runMain } from "../services/shared/host/serve.ts";
import { backup, restore } from "./backup.ts";
import { oneScheduler, waitForDapr } from "./cluster/dapr.ts";
import { deploy } from "./cluster/deploy.ts";
import { smoke } from "./smoke.ts";

const USAGE = "Say one of prepare dapr, deploy <overlay>, smoke <address>, backup <file>, restore <file>";

async function operate([what, subject]: readonly string[]): Promise<void> {
  if (subject === undefined) throw new StartError(USAGE);
  const report = console.log;
  switch (what) {
    case "prepare":
      if (subject !== "dapr") throw new StartError(USAGE);
      await oneScheduler();
      return await waitForDapr(report);
    case "deploy": {
      const [prefix, tag] = [Deno.env.get("RONDO_IMAGES"), Deno.env.get("RONDO_TAG")];
      const images = prefix === undefined ? undefined : { prefix, tag: tag ?? "latest" };
      return await deploy({ overlay: subject, images, report });
    }
    case "smoke":
      return await smoke(subject, { report });
    case "backup":
      return await backup({ databaseUrl: databaseUrl(), file: subject, report });
    case "restore":
      return await restore({ databaseUrl: databaseUrl(), file: subject, report });
    default:
      throw new StartError(USAGE);
  }
}

function databaseUrl(): string {
  const { DATABASE_URL } = readConfig();
  if (DATABASE_URL === undefined) {
    throw new StartError("DATABASE_URL must be set to the address of the database");
  }
  return DATABASE_URL;
}

if (import.meta.main) await runMain(() => operate(Deno.args));
