/** Logs: one JSON object a line on standard error, with the correlation id of the work and without secrets. */
import { currentContext } from "./context.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";
const ORDER: Record<LogLevel, number> = { debug: 10, info: 20, warn: 30, error: 40 };
const SECRET = /pass(word|wd)?|secret|token|authorization|cookie|api-?key|^key$|dsn|database_?url|smtp_?url/i;
const URL_CREDENTIALS = /(\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@:]*(?::[^\s/@]*)?@/gi;

export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

export interface LogOptions {
  service: string;
  /** Default `info`. */
  level?: LogLevel;
  /** Where a line goes; default standard error. */
  write?: (line: string) => void;
}

const encoder = new TextEncoder();

/** A log of one service. */
export function createLog(options: LogOptions): Log {
  const least = ORDER[options.level ?? "info"];
  const write = options.write ?? ((line) => void Deno.stderr.writeSync(encoder.encode(line + "\n")));
  const emit = (level: LogLevel) => (message: string, fields: Record<string, unknown> = {}): void => {
    if (ORDER[level] < least) return;
    const { correlationId, traceparent } = currentContext();
    write(JSON.stringify({
      time: Temporal.Now.instant().toString({ smallestUnit: "millisecond" }),
      level,
      service: options.service,
      message: clean(message),
      correlationId,
      traceId: traceparent.slice(3, 35),
      ...Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, redact(key, value)])),
    }));
  };
  return { debug: emit("debug"), info: emit("info"), warn: emit("warn"), error: emit("error") };
}

function redact(key: string, value: unknown): unknown {
  if (SECRET.test(key)) return "[redacted]";
  if (typeof value === "string") return clean(value);
  if (value instanceof Error) {
    return {
      name: value.name,
      message: clean(value.message),
      stack: clean(value.stack ?? ""),
      cause: redact("cause", value.cause),
    };
  }
  if (Array.isArray(value)) return value.map((entry) => redact("", entry));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, redact(name, entry)]));
  }
  return typeof value === "bigint" ? value.toString() : value;
}

const clean = (text: string): string => text.replaceAll(URL_CREDENTIALS, "$1[redacted]@");
