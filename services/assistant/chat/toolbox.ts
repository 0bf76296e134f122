/** The tools of one turn: the same MCP server that programs use, spoken to by the protocol's own client. */
import type {
  CallToolResult,
  Client,
  JsonSchemaValidator,
  jsonSchemaValidator,
} from "@modelcontextprotocol/client";
import type { ChatPreview } from "../../shared/contracts/chat.ts";
import type { McpOptions } from "../mcp/server.ts";
import { Outcome } from "../perform.ts";
import { linesOf } from "./lines.ts";

/** What is kept of a preview so that it can be done later. */
export interface KeptPreview extends ChatPreview {
  args: Record<string, unknown>;
  confirm: string;
}

/** One call of a tool, as a record of the turn. */
export interface ToolCall {
  tool: string;
  args: Record<string, unknown>;
}

export interface Toolbox extends AsyncDisposable {
  readonly tools: Awaited<ReturnType<Client["listTools"]>>["tools"];
  readonly calls: readonly ToolCall[];
  readonly previews: readonly KeptPreview[];
  /** How many changes were made so far. */
  readonly changed: number;
  /** The turns that were taken back. */
  readonly undone: readonly string[];
  /**
   * Uses a tool. What needs a click is kept as a preview, and the caller is told so: nobody but the user can confirm,
   * whatever the arguments say.
   */
  use(name: string, args: Record<string, unknown>): Promise<CallToolResult>;
  /** Ends when no tool is being used any more. */
  idle(): Promise<void>;
  /** Does what a preview said, on the user's click. */
  apply(preview: KeptPreview): Promise<Outcome>;
}

export interface ToolboxOptions extends McpOptions {
  turn: string;
  onTool?(title: string, call: ToolCall): void;
  onPreview?(preview: KeptPreview): void;
}

/** The server in this process has checked its results by the same schemas: to compile them again takes long. */
const TRUSTING: jsonSchemaValidator = {
  getValidator<T>(): JsonSchemaValidator<T> {
    return (input) => ({ valid: true, data: input as T, errorMessage: undefined });
  },
};

/** Opens the tools for a turn. The protocol's libraries are loaded with the first one. */
export async function openToolbox(options: ToolboxOptions): Promise<Toolbox> {
  const [{ Client }, { InMemoryTransport }, { createMcpServer, KEY_META, VERSION }] = await Promise.all([
    import("@modelcontextprotocol/client"),
    import("@modelcontextprotocol/server"),
    import("../mcp/server.ts"),
  ]);
  const server = createMcpServer(options);
  const client = new Client({ name: "rondo-assistant", version: VERSION }, { jsonSchemaValidator: TRUSTING });
  const [near, far] = InMemoryTransport.createLinkedPair();
  await server.connect(far);
  await client.connect(near);
  const { tools } = await client.listTools();
  const titleOf = (name: string): string => tools.find((tool) => tool.name === name)?.title ?? name;
  const calls: ToolCall[] = [];
  const previews: KeptPreview[] = [];
  const undone: string[] = [];
  const underWay = new Set<Promise<unknown>>();
  let changed = 0;

  function note({ tool, args }: ToolCall, { status, changes }: Outcome): void {
    if (status !== "done") return;
    changed += changes.length;
    if (tool === "undo" && typeof args.causationId === "string") undone.push(args.causationId);
  }

  /** A call that has begun is waited for, also when the user has stopped: what it changed must be known. */
  async function use(name: string, given: Record<string, unknown>): Promise<CallToolResult> {
    options.signal?.throwIfAborted();
    const { confirm: _, ...args } = given;
    const call = { tool: name, args };
    calls.push(call);
    options.onTool?.(titleOf(name), call);
    if (!tools.some((tool) => tool.name === name)) {
      const text = options.caller.scopes.includes("write")
        ? `There is no tool ${name}`
        : "The API key may only read, so nothing was changed";
      return { content: [{ type: "text", text }], isError: true };
    }
    const result = await client.callTool({ name, arguments: args });
    const outcome = Outcome.safeParse(result.structuredContent);
    if (!outcome.success) return result;
    const { status, changes, confirm } = outcome.data;
    note(call, outcome.data);
    if (status !== "needs_confirmation" || confirm === undefined) return result;
    const preview: KeptPreview = {
      id: crypto.randomUUID(),
      tool: name,
      title: titleOf(name),
      ...linesOf(changes),
      state: "open",
      changed: false,
      args,
      confirm,
    };
    previews.push(preview);
    options.onPreview?.(preview);
    // Without the token, which is for the user's click alone.
    const text =
      `${outcome.data.summary}\nThe user sees this now and decides with a click. Do not call this again.`;
    return { content: [{ type: "text", text }] };
  }

  return {
    tools,
    calls,
    previews,
    undone,
    get changed() {
      return changed;
    },
    use(name, given) {
      const using = use(name, given);
      const ended = using.then(() => {}, () => {}).finally(() => underWay.delete(ended));
      underWay.add(ended);
      return using;
    },
    async idle() {
      while (underWay.size > 0) await Promise.all(underWay);
    },
    async apply({ id, tool, args, confirm }) {
      const result = await client.callTool({
        name: tool,
        arguments: { ...args, preview: undefined, confirm },
        _meta: { [KEY_META]: id },
      });
      if (result.isError) throw new ToolRefusal(textOf(result));
      const outcome = Outcome.parse(result.structuredContent);
      note({ tool, args }, outcome);
      return outcome;
    },
    async [Symbol.asyncDispose]() {
      await client.close();
      await server.close();
    },
  };
}

/** A tool refused to do something; the message says why, for a person. */
export class ToolRefusal extends Error {
  override name = "ToolRefusal";
}

/** The text of a tool's answer. */
export function textOf({ content }: CallToolResult): string {
  return content.map((part) => part.type === "text" ? part.text : "").join("\n");
}
