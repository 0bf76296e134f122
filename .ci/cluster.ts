/**
 * Rondo in a cluster: deployed, used through its gateway over TLS by the tests of e2e/cluster and by the browser's,
 * while it is updated, scaled, killed and rolled back.
 *
 * `deno task test:cluster` boots a cluster on this machine by the program `LAB_CLUSTER`, and ends it. With
 * `RONDO_IMAGES` (such as `ghcr.io/somebody/rondo-`, the images' tag in `RONDO_TAG`) it takes the cluster of
 * `KUBECONFIG`, the overlay `RONDO_OVERLAY` and the address `BASE_URL`. Of the browser's tests it takes those to which
 * a gateway makes a difference; `--all` takes all, and files that are named are run alone. `KEEP=true` leaves
 * everything as it is at the end.
 */
import { fileURLToPath } from "node:url";
import { publicKeyHash } from "../deploy/cluster/certificate.ts";
import { deploy, NAMESPACE } from "../deploy/cluster/deploy.ts";
import { diagnose } from "../deploy/cluster/diagnose.ts";
import { kubectlJson } from "../deploy/cluster/kubectl.ts";
import { hasLab, loadImages, startLab, stopLab } from "../deploy/cluster/lab.ts";
import { StartError } from "../services/shared/host/config.ts";
import { chromium } from "./chromium.ts";
import { type Counts, denoTest } from "./deno_test.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const MINUTES = 25;
const TAG = "dev";
/** Signing in and out, what lives of the stream, and what is kept without a network. */
const BROWSER = ["account", "live", "offline"].map((name) => `e2e/browser/${name}_test.ts`);
const started = performance.now();

const given = Deno.env.get("RONDO_IMAGES");
const counts: Counts = { passed: 0, failed: 0 };
try {
  await run();
} catch (cause) {
  if (!(cause instanceof StartError)) throw cause;
  report(cause.message);
  counts.failed++;
  if (Deno.env.get("KUBECONFIG") !== undefined) await diagnose(console.log);
} finally {
  if (given === undefined && await hasLab() && Deno.env.get("KEEP") !== "true") await stopLab();
}
console.log(`took ${seconds()} s`);
console.log(`${counts.passed} passed, ${counts.failed} failed`);
Deno.exit(counts.failed === 0 ? 0 : 1);

async function run(): Promise<void> {
  if (given === undefined) {
    if (!await hasLab()) {
      throw new StartError("There is no cluster: set LAB_CLUSTER, or RONDO_IMAGES, RONDO_TAG and KUBECONFIG");
    }
    await startLab(report);
    await step("build the SPA", [Deno.execPath(), "run", "-A", "web/build.ts"]);
    await loadImages(TAG, report);
  }
  await deploy({
    overlay: Deno.env.get("RONDO_OVERLAY") ?? "lab",
    images: given === undefined ? undefined : { prefix: given, tag: Deno.env.get("RONDO_TAG") ?? "latest" },
    report,
  });
  counts.passed++;
  const { data } = await kubectlJson<{ data: Record<string, string> }>(
    ...["get", "secret", "rondo-tls", "-n", NAMESPACE],
  );
  const certificate = atob(data["tls.crt"] ?? "");
  const file = await Deno.makeTempFile({ prefix: "rondo-certificate-", suffix: ".pem" });
  await Deno.writeTextFile(file, certificate);
  const env = {
    DENO_CERT: file,
    BASE_URL: Deno.env.get("BASE_URL") ?? "https://localhost:30443",
    BASE_URL_KEY: await publicKeyHash(certificate),
  };
  // The browser's come first: they measure, and expect a cluster at rest.
  const all = Deno.args.includes("--all") ? ["e2e/browser", "e2e/cluster"] : [...BROWSER, "e2e/cluster"];
  const named = Deno.args.filter((argument) => argument !== "--all");
  const files = named.length === 0 ? all : named;
  const isBrowser = (path: string) => path.startsWith("e2e/browser");
  for (const paths of [files.filter(isBrowser), files.filter((path) => !isBrowser(path))]) {
    if (paths.length === 0) continue;
    const browser = paths.every(isBrowser);
    const name = browser ? "browser tests on the cluster" : "cluster tests";
    const result = await denoTest(name, paths, {
      env: { ...env, ...(browser ? { CHROMIUM: await chromium() } : {}) },
      flags: ["--unstable-no-legacy-abort"],
      minutes: MINUTES,
    });
    counts.passed += result.passed;
    counts.failed += result.failed;
    report(`${name}: ${result.passed} passed, ${result.failed} failed`);
    if (result.failed > 0) await diagnose(console.log);
  }
  await Deno.remove(file);
}

async function step(name: string, [command = "", ...args]: string[]): Promise<void> {
  report(name);
  const { success } = await new Deno.Command(command, { args, cwd: ROOT, stdin: "null", stdout: "null" })
    .spawn().status;
  if (!success) throw new StartError(`Cannot ${name}`);
}

function report(line: string): void {
  console.log(`[${String(seconds()).padStart(4)} s] ${line}`);
}

function seconds(): number {
  return Math.round((performance.now() - started) / 1_000);
}
