/** `/mcp`: streamable HTTP, one fresh server for each request, nothing kept in between. */
import { createMcpHandler } from "@modelcontextprotocol/server";
import type { Log } from "../../shared/telemetry/log.ts";
import type { Caller } from "../caller.ts";
import { createMcpServer, type McpOptions } from "./server.ts";

const MAX_BYTES = 4_000_000;

export interface McpRoute {
  /** Answers one request of a caller. */
  answer(request: Request, caller: Caller): Promise<Response>;
  close(): Promise<void>;
}

/** The protocol's HTTP side: the present revision and those before it. */
export function createMcpRoute({ runtime, log }: { runtime: McpOptions["runtime"]; log: Log }): McpRoute {
  const callers = new Map<string, Caller>();
  const handler = createMcpHandler(({ authInfo }) => {
    const caller = callers.get(authInfo?.token ?? "");
    if (caller === undefined) throw new Error("Cannot serve a request as its caller is not known");
    return createMcpServer({ runtime, caller, log });
  }, {
    maxRequestBodySize: MAX_BYTES,
    onerror: (cause) => log.warn("a request of an MCP client was refused", { cause }),
  });
  return {
    async answer(request, caller) {
      // Names this one request; the credential itself is nothing that the library needs to hold.
      const token = crypto.randomUUID();
      callers.set(token, caller);
      try {
        return await handler.fetch(request, {
          authInfo: { token, clientId: caller.userId, scopes: [...caller.scopes] },
        });
      } finally {
        callers.delete(token);
      }
    },
    close: () => handler.close(),
  };
}
