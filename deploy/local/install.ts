/**
 * The programs of the local stack where there is no container registry: Dapr is built from its Go modules, Kafka
 * comes as jars from Maven. Both happen once per pinned version and stay in the user's cache.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { StartError } from "../../services/shared/host/config.ts";
import { cached, keyOf } from "./cache.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const MODULE = join(HERE, "dapr");
/** As in the module's `require` line; it is what `daprd --version` answers. */
const DAPR_VERSION = "1.18.1";
/** Without a tag daprd panics at start; the other one, `allcomponents`, adds nothing that is used here. */
const DAPR_TAGS = "stablecomponents";
const PROGRAMS = ["daprd", "placement", "scheduler"] as const;
/** What a cluster runs besides. */
const CONTROL_PLANE = ["injector", "operator", "sentry"] as const;
const JAVA_OLDEST = 17;
/** How often a long build says that it is still running. */
const PROGRESS_MS = 15_000;

export interface DaprPrograms {
  daprd: string;
  placement: string;
  scheduler: string;
}

export interface KafkaPrograms {
  java: string;
  classPath: string;
}

export interface InstallOptions {
  /** Hears what takes long (default: standard output). */
  report?: (line: string) => void;
}

/**
 * Dapr's programs, built on the first call. `DAPRD`, `DAPR_PLACEMENT` and `DAPR_SCHEDULER` name other ones.
 *
 * @throws StartError when they have to be built and Go is missing, or the build fails
 */
export async function installDapr(options: InstallOptions = {}): Promise<DaprPrograms> {
  const report = options.report ?? console.log;
  const given = {
    daprd: Deno.env.get("DAPRD"),
    placement: Deno.env.get("DAPR_PLACEMENT"),
    scheduler: Deno.env.get("DAPR_SCHEDULER"),
  };
  const { daprd, placement, scheduler } = given;
  if (daprd !== undefined && placement !== undefined && scheduler !== undefined) {
    return { daprd, placement, scheduler };
  }
  const folder = await cached(
    `dapr-${await daprKey()}`,
    async (target) => {
      await requireGo();
      report("Building Dapr from source, once: about ten minutes on two cores");
      await build(PROGRAMS, target, report);
      report("Dapr is built");
    },
  );
  const suffix = Deno.build.os === "windows" ? ".exe" : "";
  return {
    daprd: daprd ?? join(folder, `daprd${suffix}`),
    placement: placement ?? join(folder, `placement${suffix}`),
    scheduler: scheduler ?? join(folder, `scheduler${suffix}`),
  };
}

/**
 * A folder with all of Dapr's programs for a cluster, for this platform; built on the first call.
 *
 * @throws StartError when they have to be built and Go is missing, or the build fails
 */
export async function installControlPlane(options: InstallOptions = {}): Promise<string> {
  const report = options.report ?? console.log;
  const programs = await installDapr(options);
  return await cached(`dapr-cluster-${await daprKey()}`, async (target) => {
    await requireGo();
    report("Building Dapr's control plane from source, once: about three minutes on two cores");
    await build(CONTROL_PLANE, target, report);
    for (const name of PROGRAMS) await Deno.copyFile(programs[name], join(target, name));
    report("Dapr's control plane is built");
  });
}

/** A short name for what Dapr's programs are built from. */
async function daprKey(): Promise<string> {
  const inputs = await Promise.all(["go.mod", "go.sum"].map((name) => Deno.readTextFile(join(MODULE, name))));
  const platform = `${Deno.build.os}-${Deno.build.arch}`;
  return keyOf(...inputs, DAPR_VERSION, DAPR_TAGS, JSON.stringify(HEALTHZ), platform);
}

/**
 * What runs a Kafka broker: Java and the class path, fetched on the first call. `KAFKA_CLASSPATH` names another.
 *
 * @throws StartError when Java is missing or too old, or Maven is missing or fails
 */
export async function installKafka(options: InstallOptions = {}): Promise<KafkaPrograms> {
  const report = options.report ?? console.log;
  const java = await requireJava();
  const given = Deno.env.get("KAFKA_CLASSPATH");
  if (given !== undefined) return { java, classPath: given };
  const project = join(HERE, "kafka", "pom.xml");
  const folder = await cached(`kafka-${keyOf(await Deno.readTextFile(project))}`, async (target) => {
    report("Fetching Kafka from Maven, once: about 54 MB");
    const fetched = await output("mvn", [
      ...["--batch-mode", "--no-transfer-progress", "--quiet", "--file", project],
      ...["dependency:copy-dependencies", "-DincludeScope=runtime", `-DoutputDirectory=${target}`],
    ]);
    if (fetched === null) {
      throw new StartError("Cannot fetch Kafka as there is no Maven (mvn): install it, or set KAFKA_BROKERS");
    }
    if (!fetched.success) throw new StartError(`Cannot fetch Kafka by Maven: ${lastLines(fetched.text)}`);
  });
  return { java, classPath: join(folder, "*") };
}

/**
 * The health server of the scheduler and of placement takes every interface, whatever `--healthz-listen-address`
 * says (dapr 1.18.1, pkg/healthz/server). With this it takes `HEALTHZ_LISTEN_ADDRESS`, and without that the same.
 */
const HEALTHZ = {
  file: join("pkg", "healthz", "server", "server.go"),
  edits: [
    ['"net"\n', '"net"\n\t"os"\n'],
    ['fmt.Sprintf(":%d", s.port)', 'fmt.Sprintf("%s:%d", os.Getenv("HEALTHZ_LISTEN_ADDRESS"), s.port)'],
  ],
} as const;

/**
 * Puts a copy of Dapr's module with those edits beside what is built: Go allows none in its own cache. The answer is
 * a `go.mod` that builds the copy.
 */
async function editedModule(target: string): Promise<string> {
  const { stdout, stderr, success } = await new Deno.Command("go", {
    args: ["list", "-mod=readonly", "-m", "-f", "{{.Dir}}", "github.com/dapr/dapr"],
    cwd: MODULE,
    env: { GOFLAGS: "" },
  }).output();
  if (!success) throw new StartError(`Cannot fetch Dapr: ${lastLines(new TextDecoder().decode(stderr))}`);
  const copy = join(target, "source", "dapr");
  const original = new TextDecoder().decode(stdout).trim();
  await Deno.mkdir(join(target, "source"));
  const copied = await output("cp", ["-R", original, copy]);
  // What is in Go's cache may not be written, nor removed again.
  const opened = await output("chmod", ["-R", "u+w", copy]);
  for (const done of [copied, opened]) {
    if (done?.success !== true) throw new StartError(`Cannot copy Dapr's source: ${done?.text.trim()}`);
  }
  const file = join(copy, HEALTHZ.file);
  let text = await Deno.readTextFile(file);
  for (const [from, to] of HEALTHZ.edits) {
    if (!text.includes(from)) throw new StartError(`Cannot build Dapr as ${HEALTHZ.file} has changed`);
    text = text.replace(from, to);
  }
  await Deno.writeTextFile(file, text);
  const modfile = join(target, "source", "go.mod");
  const requirements = await Deno.readTextFile(join(MODULE, "go.mod"));
  await Deno.writeTextFile(
    modfile,
    `${requirements}\nreplace github.com/dapr/dapr => ${JSON.stringify(copy)}\n`,
  );
  await Deno.copyFile(join(MODULE, "go.sum"), join(target, "source", "go.sum"));
  return modfile;
}

async function build(
  programs: readonly string[],
  target: string,
  report: (line: string) => void,
): Promise<void> {
  const version = ["github.com/dapr/dapr/pkg/buildinfo.version", "github.com/dapr/kit/logger.DaprVersion"]
    .map((name) => `-X ${name}=${DAPR_VERSION}`);
  const args = [
    ...["build", "-v", "-trimpath", "-mod=readonly", "-tags", DAPR_TAGS],
    ...["-modfile", await editedModule(target)],
    ...["-ldflags", ["-s", "-w", ...version].join(" "), "-o", target],
    ...programs.map((name) => `github.com/dapr/dapr/cmd/${name}`),
  ];
  // Ten minutes of every core: whoever else works on this machine goes first.
  const [command, ...rest] = Deno.build.os === "windows"
    ? ["go", ...args]
    : ["nice", "-n", "10", "go", ...args];
  const child = new Deno.Command(command ?? "go", {
    args: rest,
    cwd: MODULE,
    env: { CGO_ENABLED: "0", GOFLAGS: "" },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const started = performance.now();
  let packages = 0;
  let tail = "";
  const timer = setInterval(() => {
    const minutes = (performance.now() - started) / 60_000;
    report(`Building Dapr: ${packages} of about 3,000 packages, ${minutes.toFixed(1)} min`);
  }, PROGRESS_MS);
  try {
    for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
      packages += chunk.split("\n").length - 1;
      tail = (tail + chunk).slice(-2_000);
    }
    if (!(await child.status).success) throw new StartError(`Cannot build Dapr: ${lastLines(tail)}`);
    await Deno.remove(join(target, "source"), { recursive: true });
  } finally {
    clearInterval(timer);
  }
}

async function requireGo(): Promise<void> {
  if (await output("go", ["version"]) !== null) return;
  throw new StartError(
    "Cannot build Dapr as there is no Go: install it (https://go.dev/dl), or set DAPRD, DAPR_PLACEMENT and " +
      "DAPR_SCHEDULER to programs that are there",
  );
}

async function requireJava(): Promise<string> {
  const home = Deno.env.get("JAVA_HOME");
  const java = home === undefined ? "java" : join(home, "bin", "java");
  const answer = await output(java, ["-version"]);
  if (answer === null) {
    throw new StartError(
      `Cannot run Kafka as there is no Java: install Java ${JAVA_OLDEST} or newer, or set KAFKA_BROKERS`,
    );
  }
  const version = javaVersion(answer.text);
  if (version < JAVA_OLDEST) {
    throw new StartError(
      `Cannot run Kafka as it needs Java ${JAVA_OLDEST} or newer: this one is ${version}; set JAVA_HOME to another`,
    );
  }
  return java;
}

/** The feature release in the output of `java -version`: 17 of `17.0.15`, 8 of `1.8.0_392`, 0 when it is none. */
export function javaVersion(text: string): number {
  const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(text) ?? [];
  return Number((first === "1" ? second : first) ?? 0);
}

/** What a command printed, or null when there is no such command. */
async function output(command: string, args: string[]): Promise<{ success: boolean; text: string } | null> {
  try {
    const { success, stdout, stderr } = await new Deno.Command(command, { args, stdin: "null" }).output();
    const decoder = new TextDecoder();
    return { success, text: decoder.decode(stdout) + decoder.decode(stderr) };
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return null;
    throw cause;
  }
}

function lastLines(text: string): string {
  return text.trim().split("\n").slice(-5).join(" ");
}

if (import.meta.main) {
  try {
    console.log({ ...await installDapr(), ...await installKafka() });
  } catch (cause) {
    if (!(cause instanceof StartError)) throw cause;
    console.error(cause.message);
    Deno.exit(1);
  }
}
