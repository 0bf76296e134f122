/**
 * The checkers, built from their Go modules on the first call into the user's cache. The versions are those of
 * the modules below `tools`; `PROMETHEUS`, `PROMTOOL` and `ACTIONLINT` name programs that are there already.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cached, keyOf } from "../deploy/local/cache.ts";
import { StartError } from "../services/shared/host/config.ts";

/** A module each: what one needs of a library is not always what another can be built with. */
const MODULES = {
  prometheus: ["tools/prometheus", "github.com/prometheus/prometheus/cmd/prometheus"],
  promtool: ["tools/prometheus", "github.com/prometheus/prometheus/cmd/promtool"],
  actionlint: ["tools/actionlint", "github.com/rhysd/actionlint/cmd/actionlint"],
} as const;
export type Tool = keyof typeof MODULES;
/** Without the clouds' service discoveries, which are most of what there is to build. */
const TAGS = "remove_all_sd";
const PROGRESS_MS = 15_000;

/** The path of a tool. @throws StartError when it has to be built and can't be */
export async function tool(name: Tool): Promise<string> {
  return Deno.env.get(name.toUpperCase()) ?? join(await built(name), name);
}

/**
 * The path of a postgres_exporter, which no Go module gives: `POSTGRES_EXPORTER` names one, else it is Debian's,
 * unpacked and not installed.
 *
 * @throws StartError where neither is to be had
 */
export async function postgresExporter(): Promise<string> {
  const given = Deno.env.get("POSTGRES_EXPORTER");
  if (given !== undefined) return given;
  const name = "prometheus-postgres-exporter";
  const folder = await cached(`debian-${name}-${Deno.build.arch}`, async (target) => {
    const script = 'cd "$1" && apt-get download -q "$2" && dpkg-deb -x ./*.deb . && rm ./*.deb';
    const { success, stderr } = await new Deno.Command("sh", { args: ["-c", script, "sh", target, name] })
      .output();
    if (success) return;
    const words = new TextDecoder().decode(stderr).trim().split("\n").at(-1);
    throw new StartError(`Cannot fetch Debian's ${name}, set POSTGRES_EXPORTER: ${words}`);
  });
  return join(folder, "usr", "bin", name);
}

async function built(name: Tool): Promise<string> {
  const [folder, path] = MODULES[name];
  const module = fileURLToPath(new URL(folder, import.meta.url));
  const inputs = await Promise.all(["go.mod", "go.sum"].map((file) => Deno.readTextFile(join(module, file))));
  const platform = `${Deno.build.os}-${Deno.build.arch}`;
  return await cached(`${name}-${keyOf(...inputs, TAGS, platform)}`, async (target) => {
    console.log(`Building ${name} from source, once`);
    const started = performance.now();
    const timer = setInterval(
      () => console.log(`Building ${name}: ${((performance.now() - started) / 60_000).toFixed(1)} min`),
      PROGRESS_MS,
    );
    try {
      await build(module, path, target);
    } finally {
      clearInterval(timer);
    }
  });
}

async function build(module: string, path: string, target: string): Promise<void> {
  const args = [
    "build",
    "-mod=readonly",
    "-trimpath",
    "-tags",
    TAGS,
    "-ldflags",
    "-s -w",
    "-o",
    `${target}/`,
    path,
  ];
  try {
    const { success, stderr } = await new Deno.Command("nice", {
      args: ["-n", "10", "go", ...args],
      cwd: module,
      env: { CGO_ENABLED: "0", GOFLAGS: "" },
      stdin: "null",
    }).output();
    if (success) return;
    const words = new TextDecoder().decode(stderr).trim().split("\n").slice(-3).join(" ");
    throw new StartError(`Cannot build ${path}: ${words}`);
  } catch (cause) {
    if (cause instanceof StartError) throw cause;
    throw new StartError(`Cannot build ${path} as there is no Go: install it (https://go.dev/dl)`, { cause });
  }
}
