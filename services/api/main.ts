/** Starts the api alone. */
import { StartError } from "../shared/host/config.ts";
import { runService } from "../shared/host/run.ts";
import { createApi } from "./app.ts";
import { apiOptions } from "./options.ts";

await runService("api", "rondo_api", ({ dependencies, config, host, publicUrl }) => {
  if (config.RONDO_SECRET === undefined) {
    throw new StartError("RONDO_SECRET must be set for the api of its own");
  }
  return createApi({
    ...dependencies,
    ...apiOptions(host, config, { publicUrl, secret: config.RONDO_SECRET }),
  });
});
