/** The parts of the local stack, each started on its own; tests take what they need. */
export * from "./dapr.ts";
export * from "./kafka.ts";
export type { Part } from "./part.ts";
export { freePorts, isOpen, LOOPBACK } from "./ports.ts";
export * from "./postgres.ts";
