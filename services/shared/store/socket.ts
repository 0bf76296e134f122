/** How PostgreSQL of a data folder is reached without TCP, and how an address says so. */
import { join } from "node:path";

/** What a path of a socket may hold at most, the number that ends PostgreSQL's own name of it included. */
const MAX_SOCKET_BYTES = 100;

/**
 * The path by which PostgreSQL of a data folder is reached without TCP; null where that can't be: on Windows, or when
 * the path is too long for a socket or can't be named in a permission.
 */
export function socketOf(dataDir: string): string | null {
  const path = join(dataDir, "pg.socket");
  const bytes = new TextEncoder().encode(join(dataDir, "pg", ".s.PGSQL.65535")).length;
  return Deno.build.os === "windows" || bytes > MAX_SOCKET_BYTES || /[\s,']/.test(path) ? null : path;
}

/** An address that is reached by a socket instead of TCP; null: as it is. */
export function withSocket(url: string, socket: string | null): string {
  return socket === null ? url : `${url}?${new URLSearchParams({ socket })}`;
}

/** The driver would send every parameter of the address to PostgreSQL. */
export function splitSocket(address: string): { url: string; path?: string } {
  const url = URL.parse(address);
  const path = url?.searchParams.get("socket") ?? null;
  if (url === null || path === null) return { url: address };
  url.searchParams.delete("socket");
  return { url: url.href, path };
}
