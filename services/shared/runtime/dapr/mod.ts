/** The Dapr adapter of the runtime's ports. */
export { createDaprRuntime, type DaprRuntimeOptions } from "./runtime.ts";
export type { RetryOptions } from "./deliveries.ts";
