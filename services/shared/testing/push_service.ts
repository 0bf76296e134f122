/**
 * A push service on loopback that speaks the real protocol, in place of those of browser vendors: it takes messages
 * as RFC 8030 says, checks who sends them (VAPID, RFC 8292), and reads them as the browser would (aes128gcm, RFC
 * 8188 and 8291). It shares no code with what sends.
 */
import { type JWTPayload, jwtVerify } from "jose";

export interface Pushed {
  subscription: string;
  /** What the service worker would be given. */
  message: Record<string, unknown>;
  headers: Headers;
  claims: JWTPayload;
}

export interface TestBrowser {
  /** What a page sends to Rondo: `PushSubscription.toJSON()`. */
  subscription: { endpoint: string; expirationTime: null; keys: { p256dh: string; auth: string } };
  id: string;
}

export interface PushService extends AsyncDisposable {
  readonly origin: string;
  /** What the settings of an installation that may send to it hold. */
  readonly host: string;
  readonly received: Pushed[];
  /** Why messages were not taken that nothing had been told to refuse. */
  readonly problems: string[];
  /** A browser subscribes with the public key of an application server. */
  browser(applicationServerKey: string): Promise<TestBrowser>;
  /** The next messages to a browser are answered with this status; null: they are taken. */
  refuse(id: string, status: number | null, headers?: Record<string, string>): void;
}

interface Registered {
  key: string;
  keys: CryptoKeyPair;
  point: Uint8Array<ArrayBuffer>;
  auth: Uint8Array<ArrayBuffer>;
  refusal: { status: number; headers: Record<string, string> } | null;
}

/** A JWT may be good for a day (RFC 8292, section 2). */
const DAY_SECONDS = 24 * 3_600;
const encoder = new TextEncoder();

export function startPushService(): PushService {
  const browsers = new Map<string, Registered>();
  const received: Pushed[] = [];
  const problems: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const id = new URL(request.url).pathname.slice("/push/".length);
    const browser = browsers.get(id);
    if (browser === undefined) {
      await request.body?.cancel();
      return new Response(null, { status: 404 });
    }
    const { refusal } = browser;
    if (refusal !== null) {
      await request.body?.cancel();
      return new Response(null, refusal);
    }
    try {
      received.push(await take(request, id, browser));
      return new Response(null, { status: 201, headers: { location: `/message/${crypto.randomUUID()}` } });
    } catch (cause) {
      problems.push(String(cause));
      return new Response(String(cause), { status: 400 });
    }
  });
  const origin = `http://127.0.0.1:${server.addr.port}`;

  async function take(request: Request, id: string, browser: Registered): Promise<Pushed> {
    const { headers } = request;
    if (request.method !== "POST") throw new Error("a message comes by POST");
    if (!/^\d+$/.test(headers.get("ttl") ?? "")) throw new Error("TTL is missing (RFC 8030, section 5.2)");
    if (!/^[\w-]{0,32}$/.test(headers.get("topic") ?? "")) throw new Error("the topic is too long");
    if (headers.get("content-encoding") !== "aes128gcm") throw new Error("the coding must be aes128gcm");
    const [, token = "", key = ""] = /^vapid t=([^,]+), ?k=(.+)$/.exec(headers.get("authorization") ?? "") ??
      [];
    if (key !== browser.key) throw new Error("the key is not the one that the browser subscribed with");
    const point = decode(key);
    const verifier = await crypto.subtle.importKey(
      "raw",
      point,
      { name: "ECDSA", namedCurve: "P-256" },
      false,
      ["verify"],
    );
    const { payload } = await jwtVerify(token, verifier, {
      algorithms: ["ES256"],
      audience: origin,
      requiredClaims: ["exp"],
    });
    const left = (payload.exp ?? 0) - Temporal.Now.instant().epochMilliseconds / 1_000;
    if (left > DAY_SECONDS) throw new Error("the token is good for more than a day");
    if (!/^(mailto:|https:)/.test(payload.sub ?? "")) throw new Error("nobody to turn to");
    const text = await decrypt(new Uint8Array(await request.arrayBuffer()), browser);
    return { subscription: id, message: JSON.parse(text), headers, claims: payload };
  }

  return {
    origin,
    host: origin,
    received,
    problems,
    async browser(applicationServerKey) {
      const id = crypto.randomUUID();
      const keys = await crypto.subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, true, [
        "deriveBits",
      ]);
      const point = new Uint8Array(await crypto.subtle.exportKey("raw", keys.publicKey));
      const auth = crypto.getRandomValues(new Uint8Array(16));
      browsers.set(id, { key: applicationServerKey, keys, point, auth, refusal: null });
      return {
        id,
        subscription: {
          endpoint: `${origin}/push/${id}`,
          expirationTime: null,
          keys: { p256dh: encode(point), auth: encode(auth) },
        },
      };
    },
    refuse(id, status, headers = {}) {
      const browser = browsers.get(id);
      if (browser !== undefined) browser.refusal = status === null ? null : { status, headers };
    },
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** One record of aes128gcm with the keys of RFC 8291, section 3.4. */
async function decrypt(body: Uint8Array<ArrayBuffer>, browser: Registered): Promise<string> {
  const salt = body.slice(0, 16);
  const size = new DataView(body.buffer).getUint32(16);
  const length = body[20] ?? 0;
  const sender = body.slice(21, 21 + length);
  const record = body.slice(21 + length);
  if (length !== 65) throw new Error("the key id must be the sender's public key");
  if (record.length > size) throw new Error("more than one record");
  const their = await crypto.subtle.importKey(
    "raw",
    sender,
    { name: "ECDH", namedCurve: "P-256" },
    false,
    [],
  );
  const shared = await crypto.subtle.deriveBits(
    { name: "ECDH", public: their },
    browser.keys.privateKey,
    256,
  );
  const info = join(encoder.encode("WebPush: info\0"), browser.point, sender);
  const secret = await hkdf(new Uint8Array(shared), browser.auth, info, 32);
  const key = await hkdf(secret, salt, encoder.encode("Content-Encoding: aes128gcm\0"), 16);
  const nonce = await hkdf(secret, salt, encoder.encode("Content-Encoding: nonce\0"), 12);
  const cipher = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["decrypt"]);
  const plain = new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv: nonce }, cipher, record));
  // Padding: zeros after the delimiter of the last record (RFC 8188, section 2).
  const end = plain.findLastIndex((byte) => byte !== 0);
  if (plain[end] !== 2) throw new Error("the last record's delimiter is missing");
  return new TextDecoder("utf-8", { fatal: true }).decode(plain.slice(0, end));
}

async function hkdf(
  secret: Uint8Array<ArrayBuffer>,
  salt: Uint8Array<ArrayBuffer>,
  info: Uint8Array<ArrayBuffer>,
  bytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const key = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  return new Uint8Array(
    await crypto.subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt, info }, key, bytes * 8),
  );
}

function join(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const encode = (bytes: Uint8Array): string => bytes.toBase64({ alphabet: "base64url", omitPadding: true });
const decode = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.fromBase64(text, { alphabet: "base64url" });
