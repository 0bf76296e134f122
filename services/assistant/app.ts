/** The assistant: Rondo for programs over MCP and for people in words, a client of the api like any other. */
import { createServiceApp, type ServiceDependencies } from "../shared/http/app.ts";
import { requireSameOrigin, withSecurityHeaders } from "../shared/http/security.ts";
import type { Service } from "../shared/runtime/ports.ts";
import { identify } from "./caller.ts";
import { createModel, type Model, type ModelEndpoint } from "./chat/model.ts";
import { chatRoutes } from "./chat/routes.ts";
import { createChatService } from "./chat/service.ts";
import type { ToolCall } from "./chat/toolbox.ts";
import type { McpRoute } from "./mcp/route.ts";

const NAME = "assistant";

export interface AssistantOptions {
  /** Where the browser sees Rondo. */
  publicUrl: string;
  /** Where a language model is (default: none, plain commands are understood). */
  endpoint?: ModelEndpoint;
  /** What answers in its place; default: the model of `endpoint`. */
  model?: Model;
  /** Is told of every call of a tool in a chat, for evaluations. */
  observe?(call: ToolCall): void;
}

type AssistantDependencies = Omit<ServiceDependencies, "sql">;

/** The assistant over its ports. */
export function createAssistant(dependencies: AssistantDependencies & AssistantOptions): Service {
  const { runtime, log, clock, publicUrl, endpoint } = dependencies;
  const model = dependencies.model ?? (endpoint === undefined ? null : createModel(endpoint));
  const ready = () => Promise.resolve(null);
  const app = createServiceApp({ name: NAME, dependencies, ready });
  let route: Promise<McpRoute> | undefined;
  // The protocol's library is large, and loaded when it is first needed: few processes are ever asked.
  const mcp = () =>
    route ??= import("./mcp/route.ts").then(({ createMcpRoute }) => createMcpRoute({ runtime, log }))
      .catch((cause) => {
        route = undefined;
        throw cause;
      });

  app.all("/mcp", async (context) => {
    const request = context.req.raw;
    // A page could reach a server on this machine by a name of its own (DNS rebinding): no program sends an origin.
    requireSameOrigin(request, publicUrl);
    const caller = await identify(runtime, request, ["authorization"]);
    return await (await mcp()).answer(request, caller);
  });

  const chat = createChatService({ runtime, log, clock, model, observe: dependencies.observe });
  chatRoutes(app, { runtime, log, publicUrl, chat });

  const secure = publicUrl.startsWith("https:");
  return {
    name: NAME,
    async fetch(request, connection) {
      return withSecurityHeaders(await app.fetch(request, connection), { secure });
    },
    ready,
    start: () => runtime.start(),
    async stop() {
      await (await route)?.close();
      await runtime.stop();
    },
  };
}
