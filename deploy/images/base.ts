/**
 * The images that others build on, where there is no registry to pull them from: Deno out of its npm package, glibc
 * out of Debian's packages.
 */
import { join } from "node:path";
import { StartError } from "../../services/shared/host/config.ts";
import { cached, keyOf } from "../local/cache.ts";

export type Platform = "amd64" | "arm64";

/** What a platform is called by npm, and the Deno that is there for it. */
const DENO: Record<Platform, { name: string; version: string }> = {
  amd64: { name: "@deno/linux-x64-glibc", version: "2.9.6" },
  // The newest that every registry has for this platform.
  arm64: { name: "@deno/linux-arm64-glibc", version: "2.9.5" },
};
const PACKAGES = ["libc6", "libgcc-s1"];
/** Of what is written by hand below: another one, another image. */
const ETC = "2";
const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";
/** Of glibc's package: what only a compiler, a person or another character set needs. */
const UNUSED = ["usr/share", "usr/lib/locale", "usr/sbin", "sbin", "usr/bin"];

export interface Base {
  /** A folder with the root of the image that brings libraries. */
  root: string;
  /** A folder with `/deno`. */
  deno: string;
}

/** Both roots for a platform, made on the first call. @throws StartError when a package can't be had */
export async function makeBase(platform: Platform): Promise<Base> {
  const { name, version } = DENO[platform];
  const folder = await cached(`base-${keyOf(platform, name, version, ETC, ...PACKAGES)}`, async (target) => {
    const root = join(target, "root");
    await Deno.mkdir(root);
    for (const file of await debs(platform, PACKAGES, join(target, "debs"))) {
      await run("dpkg-deb", ["-x", file, root]);
    }
    for (const path of UNUSED) await Deno.remove(join(root, path), { recursive: true }).catch(() => {});
    const triplet = platform === "amd64" ? "x86_64-linux-gnu" : "aarch64-linux-gnu";
    for (const place of ["usr/lib", "lib"]) {
      await Deno.remove(join(root, place, triplet, "gconv"), { recursive: true }).catch(() => {});
    }
    await etc(root);
    await Deno.remove(join(target, "debs"), { recursive: true });
    await Deno.mkdir(join(target, "deno"));
    await fetchDeno(`${name}@${version}`, join(target, "deno"));
  });
  return { root: join(folder, "root"), deno: join(folder, "deno") };
}

async function etc(root: string): Promise<void> {
  await Deno.mkdir(join(root, "etc/ssl/certs"), { recursive: true });
  await Deno.copyFile(CERTIFICATES, join(root, CERTIFICATES));
  await Deno.writeTextFile(
    join(root, "etc/passwd"),
    [
      "root:x:0:0:root:/:/sbin/nologin",
      "nonroot:x:65532:65532:nonroot:/tmp:/sbin/nologin",
      // PostgreSQL makes its files for nobody without a name.
      "postgres:x:999:999:postgres:/tmp:/sbin/nologin",
      "",
    ].join("\n"),
  );
  await Deno.writeTextFile(join(root, "etc/group"), "root:x:0:\nnonroot:x:65532:\n");
  await Deno.writeTextFile(join(root, "etc/nsswitch.conf"), "hosts: files dns\n");
  await Deno.mkdir(join(root, "tmp"), { mode: 0o777 });
  await Deno.chmod(join(root, "tmp"), 0o1777);
}

/** Downloads Debian packages of a platform, also of one that is not this machine's. */
export async function debs(
  platform: Platform,
  packages: readonly string[],
  folder: string,
): Promise<string[]> {
  // A state of its own: this machine's apt goes on knowing its own platform only.
  for (const place of ["state/lists/partial", "cache/archives/partial", "files"]) {
    await Deno.mkdir(join(folder, place), { recursive: true });
  }
  await Deno.writeTextFile(join(folder, "state/status"), "");
  const settings = [
    `APT::Architecture=${platform}`,
    `APT::Architectures::=${platform}`,
    `Dir::State=${join(folder, "state")}`,
    `Dir::State::status=${join(folder, "state/status")}`,
    `Dir::Cache=${join(folder, "cache")}`,
    // Root's downloads are done by another user, who may not write here.
    "APT::Sandbox::User=root",
  ].flatMap((setting) => ["-o", setting]);
  await run("apt-get", [...settings, "update", "-qq"]);
  await run("apt-get", [...settings, "download", "-qq", ...packages], join(folder, "files"));
  const names = (await Array.fromAsync(Deno.readDir(join(folder, "files")))).map(({ name }) => name);
  return names.map((name) => join(folder, "files", name));
}

async function fetchDeno(name: string, target: string): Promise<void> {
  await run("npm", ["pack", "--silent", name, "--pack-destination", target]);
  const [archive] = (await Array.fromAsync(Deno.readDir(target))).map((entry) => entry.name);
  if (archive === undefined) throw new StartError(`Cannot fetch ${name}`);
  await run("tar", ["-xzf", join(target, archive), "-C", target, "--strip-components=1", "package/deno"]);
  await Deno.remove(join(target, archive));
  await Deno.chmod(join(target, "deno"), 0o755);
}

/** Runs a program to its end. @throws StartError with what it said */
export async function run(command: string, args: string[], cwd?: string): Promise<string> {
  let output;
  try {
    output = await new Deno.Command(command, { args, cwd, stdin: "null" }).output();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new StartError(`Cannot go on as there is no ${command}: install it`);
  }
  const decoder = new TextDecoder();
  if (output.success) return decoder.decode(output.stdout);
  throw new StartError(`${command} ${args[0]} failed: ${decoder.decode(output.stderr).trim().slice(-1_000)}`);
}
