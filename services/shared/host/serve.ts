/** One HTTP server per process, from the first signal of life to a clean end. */
import type { Connection } from "../runtime/ports.ts";
import { type Config, StartError } from "./config.ts";

export type Handler = (request: Request, connection: Connection) => Response | Promise<Response>;

export interface RunningServer {
  readonly port: number;
  /** Takes over from the answer "starting". */
  handle(handler: Handler): void;
  /** Stops taking connections and waits for running requests, at most `deadlineMs`. */
  close(deadlineMs: number): Promise<void>;
}

/** Takes the port at once, so that a port in use is known before anything else begins. @throws StartError */
export function listen(config: Pick<Config, "HOST" | "PORT">): RunningServer {
  let handler: Handler = () =>
    new Response("Rondo is starting", { status: 503, headers: { "retry-after": "1" } });
  const server = serve();

  function serve() {
    try {
      return Deno.serve({
        hostname: config.HOST,
        port: config.PORT,
        onListen: () => {},
        handler: (request, info) => handler(request, { address: addressOf(info.remoteAddr) }),
      });
    } catch (cause) {
      if (cause instanceof Deno.errors.AddrInUse) {
        throw new StartError(`Port ${config.PORT} is in use: set PORT to a free one`, { cause });
      }
      if (cause instanceof Deno.errors.PermissionDenied) {
        throw new StartError(`Port ${config.PORT} may not be used by this user: set PORT to one above 1023`, {
          cause,
        });
      }
      throw new StartError(`Cannot listen on ${config.HOST}:${config.PORT}: ${String(cause)}`, { cause });
    }
  }

  return {
    port: server.addr.port,
    handle: (next) => handler = next,
    async close(deadlineMs) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const deadline = new Promise<void>((resolve) => timer = setTimeout(resolve, deadlineMs));
      await Promise.race([server.shutdown(), deadline]);
      clearTimeout(timer);
    },
  };
}

function addressOf(address: Deno.Addr): string {
  return "hostname" in address ? address.hostname : "local";
}

/** Resolves on the first SIGINT or SIGTERM; a second one ends the process at once. */
export function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    let asked = false;
    for (const signal of Deno.build.os === "windows" ? ["SIGINT"] as const : ["SIGINT", "SIGTERM"] as const) {
      Deno.addSignalListener(signal, () => {
        if (asked) Deno.exit(130);
        asked = true;
        resolve(signal);
      });
    }
  });
}

/** Runs `main`; a failure to start is one sentence on standard error and exit code 1. */
export async function runMain(main: () => Promise<void>): Promise<never> {
  try {
    await main();
  } catch (cause) {
    if (cause instanceof StartError || (cause instanceof Error && cause.name === "EmbeddedPostgresError")) {
      console.error(cause.message);
    } else {
      console.error(cause);
    }
    Deno.exit(1);
  }
  Deno.exit(0);
}
