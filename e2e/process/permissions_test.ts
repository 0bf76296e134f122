/** What each service may do on its machine is as little as it needs: a probe with its very flags tries the rest. */
import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { permissionFlags, SERVICES } from "../../services/permissions.ts";
import { inherited, spawn } from "../support/rondo.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const DATABASE_HOST = "192.0.2.10";
const MAIL_HOST = "192.0.2.20";
const PEER_HOST = "192.0.2.30";
/** A name and an address that nobody named in a setting (RFC 5737 and RFC 2606: they lead nowhere). */
const FOREIGN = ["192.0.2.99:443", "rondo.example:443"];

/** Where clouds keep a machine's secrets; denied to whoever may go anywhere else. */
const METADATA = "169.254.169.254:80";

/** Runs in the probe, so it may use nothing from outside; what was tried becomes `denied` or what came of it. */
const PROBE = `
const tries = JSON.parse(Deno.args[0]);
const results = {};
const attempt = async (name, work) => {
  try {
    await work();
    results[name] = "allowed";
  } catch (cause) {
    results[name] = cause instanceof Deno.errors.NotCapable ? "denied" : "allowed, " + cause.name;
  }
};
for (const path of tries.read) await attempt("read " + path, () => Deno.lstatSync(path));
for (const path of tries.write) await attempt("write " + path, () => Deno.writeTextFileSync(path, "probe"));
for (const name of tries.run) await attempt("run " + name, () => new Deno.Command(name, { args: ["--version"] }).outputSync());
for (const address of tries.net) {
  const colon = address.lastIndexOf(":");
  const [hostname, port] = [address.slice(0, colon), Number(address.slice(colon + 1))];
  await attempt("net " + address, async () => {
    const { state } = Deno.permissions.querySync({ name: "net", host: address });
    // Where it is not denied nothing is sent: that it may is all that is asked.
    if (state === "granted") return;
    (await Deno.connect({ hostname, port })).close();
  });
}
for (const name of tries.env) {
  await attempt("env " + name, () => {
    if (Deno.env.get(name) === undefined) throw new Deno.errors.NotCapable("hidden");
  });
}
for (const kind of tries.sys) await attempt("sys " + kind, () => Deno[kind]());
await attempt("ffi", () => Deno.dlopen("libc.so.6", {}));
for (const address of tries.import) {
  await attempt("import " + address, () =>
    import(address).catch((cause) => {
      throw /--no-remote|Requires import access/.test(cause.message) ? new Deno.errors.NotCapable(cause.message) : cause;
    }));
}
console.log(JSON.stringify(results));
`;

const SETTINGS = {
  DATABASE_URL: `postgres://rondo:secret@${DATABASE_HOST}:5432/rondo`,
  INTERNAL_TOKEN: "0123456789abcdef0123456789abcdef",
  PEERS: `api=http://${PEER_HOST}:8080`,
  SMTP_URL: `smtp://${MAIL_HOST}:25`,
};

for (const service of SERVICES) {
  Deno.test(`${service} may do what it needs and nothing else`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      const dataDir = join(folder, "data");
      await Deno.mkdir(dataDir);
      const all = service === "embedded";
      const anywhere = service === "webhooks";
      const env: Record<string, string> = {
        ...inherited(),
        ...(all ? { SMTP_URL: SETTINGS.SMTP_URL } : SETTINGS),
        RONDO_DATA_DIR: dataDir,
        CLOUD_API_TOKEN: "not for services",
      };
      const needed = {
        read: [join(ROOT, "services", service === "embedded" ? "api" : service)],
        net: [
          "127.0.0.1:8080",
          ...(all ? [] : [`${DATABASE_HOST}:5432`]),
          ...(all || service === "notifications" ? [`${MAIL_HOST}:25`] : []),
          ...(all ? [] : [`${PEER_HOST}:8080`]),
          ...(anywhere ? FOREIGN : []),
        ],
        env: ["RONDO_DATA_DIR", ...(all ? [] : ["DATABASE_URL"])],
        ...(all ? { write: [join(dataDir, "probe")] } : {}),
      };
      const foreign = {
        read: [
          "/etc/hostname",
          "/root",
          join(tmpdir(), "x"),
          join(ROOT, ".git"),
          ...(all ? [] : [dataDir, join(ROOT, "web")]),
        ],
        write: [
          join(folder, "probe"),
          join(ROOT, "services", "probe.ts"),
          ...(all ? [] : [join(dataDir, "probe")]),
        ],
        run: ["sh", "/bin/ls", Deno.execPath()],
        net: [
          ...(anywhere ? [METADATA] : FOREIGN),
          ...(all || anywhere || service === "notifications" ? [] : [`${MAIL_HOST}:25`]),
        ],
        env: ["CLOUD_API_TOKEN"],
        sys: ["networkInterfaces", "systemMemoryInfo", "loadavg", "osRelease"],
        import: ["https://rondo.example/mod.ts", "https://esm.sh/zod"],
      };
      const results = await probe(service, env, {
        read: [...needed.read, ...foreign.read],
        write: [...(needed.write ?? []), ...foreign.write],
        run: foreign.run,
        net: [...needed.net, ...foreign.net],
        env: [...needed.env, ...foreign.env],
        sys: foreign.sys,
        import: foreign.import,
      });
      const expected = Object.fromEntries([
        ...Object.entries(needed).flatMap(([kind, names]) =>
          names.map((name) => [`${kind} ${name}`, "allowed"])
        ),
        ...Object.entries(foreign).flatMap(([kind, names]) =>
          names.map((name) => [`${kind} ${name}`, "denied"])
        ),
        ["ffi", "denied"],
      ]);
      assert.deepEqual(results, expected);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

/** What a program with a service's flags can do. */
async function probe(
  service: typeof SERVICES[number],
  env: Record<string, string>,
  tries: Record<string, string[]>,
): Promise<Record<string, string>> {
  const file = join(ROOT, "services", `probe-${crypto.randomUUID()}.js`);
  await Deno.writeTextFile(file, PROBE);
  try {
    const child = spawn(
      ["run", "--no-prompt", ...permissionFlags(service, env), file, JSON.stringify(tries)],
      env,
    );
    assert.equal(await child.ended, 0, child.output.stderr);
    return JSON.parse(child.output.stdout);
  } finally {
    await Deno.remove(file);
  }
}

Deno.test("permissionFlags() grants nothing wholesale", () => {
  for (const service of SERVICES) {
    for (const flag of permissionFlags(service, { ...SETTINGS, HOME: "/home/ada" })) {
      assert.match(
        flag,
        service === "webhooks" && flag === "--allow-net"
          ? /^/
          : /^--((allow|deny)-(net|env|sys|read|write|run)=.|ignore-env$|unstable-no-legacy-abort$|no-|v8-flags=--max-)/,
      );
      assert.doesNotMatch(flag, /allow-(all|ffi|import)/);
    }
  }
});

Deno.test("permissionFlags() opens the one process to the world only when webhooks may go there", () => {
  const network = (service: typeof SERVICES[number], env: Record<string, string>) =>
    permissionFlags(service, { ...SETTINGS, HOME: "/home/ada", ...env }).filter((flag) =>
      flag.includes("-net")
    );
  const closed = network("embedded", {});
  assert.match(closed.join(), /^--allow-net=127\.0\.0\.1,/);
  assert.deepEqual(network("embedded", { WEBHOOKS_ALLOW_PRIVATE: "true" }), closed);
  const open = ["--allow-net", "--deny-net=169.254.169.254"];
  assert.deepEqual(network("embedded", { WEBHOOKS_ALLOW_PUBLIC: "true" }), open);
  assert.deepEqual(network("webhooks", {}), open);
  assert.match(network("webhooks", { WEBHOOKS_ALLOW_PUBLIC: "false" }).join(), /^--allow-net=127\.0\.0\.1,/);
  assert.match(network("api", { WEBHOOKS_ALLOW_PUBLIC: "true" }).join(), /^--allow-net=127\.0\.0\.1,/);
});
