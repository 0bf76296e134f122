/** Serves the built application: hashed files for ever, everything else as the one page. */
import { createHash } from "node:crypto";
import { SECURITY_HEADERS } from "../services/shared/http/security.ts";

export interface StaticHandlerOptions {
  /** The directory that `build.ts` writes. */
  dist: string;
}

interface Entry {
  type: string;
  immutable: boolean;
  etag: string;
  /** Bytes by content coding; `identity` is always there. */
  bodies: Map<Coding, Uint8Array<ArrayBuffer>>;
}
type Coding = "br" | "gzip" | "identity";

const TYPES: Record<string, string> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".webmanifest": "application/manifest+json",
  ".woff2": "font/woff2",
};

/**
 * A handler over the files of `dist`. They are read once, when first asked for: a path is only ever a key of
 * that table, so no request can reach outside of it.
 *
 * GET and HEAD: `/assets/*` immutable or 404; a file of the root as it is; any other path `index.html`.
 */
export function createStaticHandler(options: StaticHandlerOptions): (request: Request) => Promise<Response> {
  let reading: Promise<Map<string, Entry>> | null = null;
  const entries = () =>
    reading ??= readAll(options.dist).catch((error) => {
      // The next request tries again: the build may be on its way.
      reading = null;
      throw error;
    });

  return async (request) => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      return plain(405, "Method not allowed", { allow: "GET, HEAD" });
    }
    const path = decodePath(new URL(request.url).pathname);
    if (path === null) return plain(400, "Malformed address");
    const files = await entries();
    const file = files.get(path);
    if (file !== undefined) return respond(request, file);
    if (path.startsWith("/assets/")) return plain(404, "Not found");
    const page = files.get("/index.html");
    return page === undefined ? plain(503, "The application has not been built") : respond(request, page);
  };
}

function decodePath(pathname: string): string | null {
  try {
    return decodeURIComponent(pathname);
  } catch {
    return null;
  }
}

async function readAll(dist: string): Promise<Map<string, Entry>> {
  const files = new Map<string, Entry>();
  for (const [folder, immutable] of [["", false], ["assets", true]] as const) {
    const place = folder === "" ? dist : `${dist}/${folder}`;
    for await (const item of Deno.readDir(place)) {
      const extension = item.name.slice(item.name.lastIndexOf("."));
      const type = TYPES[extension];
      if (!item.isFile || type === undefined) continue;
      const path = `${place}/${item.name}`;
      const identity = await Deno.readFile(path);
      const bodies = new Map<Coding, Uint8Array<ArrayBuffer>>([["identity", identity]]);
      for (const [coding, suffix] of [["br", ".br"], ["gzip", ".gz"]] as const) {
        const bytes = await readIfThere(path + suffix);
        if (bytes !== null) bodies.set(coding, bytes);
      }
      const etag = createHash("sha256").update(identity).digest("base64url").slice(0, 22);
      files.set(`/${folder === "" ? "" : "assets/"}${item.name}`, { type, immutable, etag, bodies });
    }
  }
  return files;
}

async function readIfThere(path: string): Promise<Uint8Array<ArrayBuffer> | null> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function respond(request: Request, entry: Entry): Response {
  const coding = chooseCoding(request.headers.get("accept-encoding"), entry);
  const body = entry.bodies.get(coding) ?? new Uint8Array();
  // Each coding is a representation of its own (RFC 9110, section 8.8.3.3).
  const etag = coding === "identity" ? `"${entry.etag}"` : `"${entry.etag}-${coding}"`;
  const headers = new Headers({
    ...SECURITY_HEADERS,
    "cache-control": entry.immutable ? "public, max-age=31536000, immutable" : "no-cache",
    "content-type": entry.type,
    etag,
    vary: "accept-encoding",
  });
  if (matches(request.headers.get("if-none-match"), entry.etag)) {
    return new Response(null, { status: 304, headers });
  }
  if (coding !== "identity") headers.set("content-encoding", coding);
  headers.set("content-length", String(body.byteLength));
  return new Response(request.method === "HEAD" ? null : body, { headers });
}

/** Brotli before gzip; a coding with `q=0` is refused (RFC 9110, section 12.5.3). */
function chooseCoding(accept: string | null, entry: Entry): Coding {
  const allowed = new Map<string, number>();
  for (const part of (accept ?? "").toLowerCase().split(",")) {
    const [name = "", ...parameters] = part.split(";").map((word) => word.trim());
    const quality = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2);
    if (name !== "") allowed.set(name, quality === undefined ? 1 : Number(quality));
  }
  for (const coding of ["br", "gzip"] as const) {
    if ((allowed.get(coding) ?? allowed.get("*") ?? 0) > 0 && entry.bodies.has(coding)) return coding;
  }
  return "identity";
}

function matches(header: string | null, etag: string): boolean {
  if (header === null) return false;
  return header.split(",").some((part) => {
    const value = part.trim().replace(/^W\//, "");
    return value === "*" || value.replace(/-(br|gzip)"$/, '"') === `"${etag}"`;
  });
}

function plain(status: number, text: string, headers: Record<string, string> = {}): Response {
  return new Response(text, {
    status,
    headers: {
      ...SECURITY_HEADERS,
      ...headers,
      "cache-control": "no-store",
      "content-type": "text/plain; charset=utf-8",
    },
  });
}
