/** Connections to PostgreSQL, one role per service, the user set per transaction for row-level security. */
import postgres from "postgres";
import { formatArray, parseArray } from "./arrays.ts";

export type Sql = postgres.Sql;
export type Tx = postgres.TransactionSql;
/** A piece of a statement, to be put into another. */
export type Fragment = postgres.PendingQuery<postgres.Row[]>;

export interface ConnectOptions {
  url: string;
  /** The role to act as; absent when the URL's user is that role already. */
  role?: string;
  /** What `pg_stat_activity` shows. */
  name: string;
  /** Connections at most (default 10). */
  max?: number;
  /** The schema that unqualified names mean. */
  searchPath?: string;
  /** True: dates come as `Date`, for a library that wants them so. */
  nativeTypes?: boolean;
}

/** A pool. Dates come back as text (`YYYY-MM-DD`, `HH:MM:SS`, ISO instants), never as `Date`; bigint as number. */
export function connect(options: ConnectOptions): Sql {
  return postgres(options.url, {
    max: options.max ?? 10,
    onnotice: () => {},
    connect_timeout: 10,
    // The driver would ask each new connection for all array types, and end the process when one dies meanwhile.
    fetch_types: options.nativeTypes ?? false,
    connection: {
      application_name: options.name,
      TimeZone: "UTC",
      DateStyle: "ISO, YMD",
      ...(options.role === undefined ? {} : { role: options.role }),
      ...(options.searchPath === undefined ? {} : { search_path: options.searchPath }),
    },
    types: options.nativeTypes ? {} : {
      date: { to: 1082, from: [1082], serialize: String, parse: String },
      time: { to: 1083, from: [1083], serialize: String, parse: (text: string) => text.slice(0, 5) },
      timestamptz: { to: 1184, from: [1184], serialize: String, parse: parseInstant },
      texts: { to: 1009, from: [1009], serialize: formatArray, parse: parseArray },
      uuids: { to: 2951, from: [2951], serialize: formatArray, parse: parseArray },
      bigint: { to: 20, from: [20], serialize: String, parse: Number },
    },
  }) as unknown as Sql;
}

/** PostgreSQL's `2027-01-31 08:00:00.5+00` as RFC 3339 with milliseconds only where there are some. */
export function parseInstant(text: string): string {
  return Temporal.Instant.from(text.replace(" ", "T")).round({
    smallestUnit: "millisecond",
    roundingMode: "trunc",
  })
    .toString();
}

/** Runs `work` in one transaction in which row-level security sees only `userId`. */
export function asUser<T>(sql: Sql, userId: string, work: (tx: Tx) => Promise<T>): Promise<T> {
  return sql.begin(async (tx) => {
    // Not awaited before the work: it travels in the same packet as the work's first query, in order.
    const scoped = setUser(tx, userId);
    const [result] = await Promise.all([work(tx), scoped]);
    return result;
  }) as Promise<T>;
}

/** Points row-level security of this transaction at another user (`*`: every user, for roles whose policies take it). */
export function setUser(tx: Tx, userId: string): Promise<unknown> {
  return tx`select set_config('rondo.user_id', ${userId}, true)`.execute();
}
