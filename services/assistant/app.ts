/** The assistant: Rondo for programs over MCP and for people in words, a client of the api like any other. */
import { createServiceApp, type ServiceDependencies } from "../shared/http/app.ts";
import { requireSameOrigin, withSecurityHeaders } from "../shared/http/security.ts";
import type { Service } from "../shared/runtime/ports.ts";
import { identify } from "./caller.ts";
import { createMcpRoute } from "./mcp/route.ts";

const NAME = "assistant";

export interface AssistantOptions {
  /** Where the browser sees Rondo. */
  publicUrl: string;
}

type AssistantDependencies = Omit<ServiceDependencies, "sql">;

/** The assistant over its ports. */
export function createAssistant(dependencies: AssistantDependencies & AssistantOptions): Service {
  const { runtime, log, publicUrl } = dependencies;
  const ready = () => Promise.resolve(null);
  const app = createServiceApp({ name: NAME, dependencies, ready });
  const mcp = createMcpRoute({ runtime, log });

  app.all("/mcp", async (context) => {
    const request = context.req.raw;
    // A page could reach a server on this machine by a name of its own (DNS rebinding): no program sends an origin.
    requireSameOrigin(request, publicUrl);
    const caller = await identify(runtime, request, ["authorization"]);
    return await mcp.answer(request, caller);
  });

  const secure = publicUrl.startsWith("https:");
  return {
    name: NAME,
    async fetch(request, connection) {
      return withSecurityHeaders(await app.fetch(request, connection), { secure });
    },
    ready,
    start: () => runtime.start(),
    async stop() {
      await mcp.close();
      await runtime.stop();
    },
  };
}
