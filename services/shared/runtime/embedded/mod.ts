/** The embedded adapter of the runtime's ports. */
export { createEmbeddedHub, type EmbeddedHub, type EmbeddedHubOptions } from "./hub.ts";
export type { RetryOptions } from "./member.ts";
export { brokerStore } from "./store.ts";
