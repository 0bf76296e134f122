/**
 * A cluster of one node on this machine, without a registry: `LAB_CLUSTER` names the program that boots it, and
 * brings Dapr's control plane and Envoy Gateway to it. Images are built here and handed over as files.
 */
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { StartError } from "../../services/shared/host/config.ts";
import { readDefinitions } from "../checks/definitions.ts";
import { buildImages } from "../images/build.ts";
import { installControlPlane } from "../local/install.ts";
import { DAPR_VALUES, GATEWAY_VALUES, oneScheduler, waitForDapr } from "./dapr.ts";
import { apply, kubectl } from "./kubectl.ts";
import { KUSTOMIZE } from "./render.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const PROGRAM = resolve(ROOT, Deno.env.get("LAB_CLUSTER") ?? "../shared/lab/cluster/cluster");

/** Whether there is one to boot. */
export async function hasLab(): Promise<boolean> {
  return await Deno.stat(PROGRAM).then((info) => info.isFile, () => false);
}

/** Boots the node with everything that Rondo stands on; sets `KUBECONFIG` for this process. @throws StartError */
export async function startLab(report: (line: string) => void): Promise<void> {
  const programs = await installControlPlane({ report });
  report("Booting the cluster");
  await lab("build");
  await lab("up");
  const text = await lab("env");
  for (const [, name, value] of text.matchAll(/(\w+)=(\S+)/g)) {
    if (name !== undefined && value !== undefined) {
      Deno.env.set(name, value.replaceAll("$PATH", Deno.env.get("PATH") ?? ""));
    }
  }
  report("Bringing Dapr's control plane");
  // It waits for pods, of which there may be none yet: who waits well is below.
  await lab("dapr", programs, "--values", DAPR_VALUES).catch((cause) => report(String(cause)));
  await oneScheduler();
  await waitForDapr(report);
  report("Bringing Envoy Gateway");
  await lab("gateway", "--values", GATEWAY_VALUES);
  await kubectl(["apply", "-k", join(KUSTOMIZE, "platform", "gateway-class")]);
  await defineKinds(report);
}

/**
 * Kinds of operators that are not here: what they would do is not done, but what they would be asked for is looked
 * at by the API server. Dapr's and the gateway's came with them.
 */
async function defineKinds(report: (line: string) => void): Promise<void> {
  const { all, missing } = await readDefinitions();
  if (missing !== null) report(`Not defined: ${missing}`);
  const there = /(^|\.)(dapr\.io|gateway\.networking\.k8s\.io|gateway\.envoyproxy\.io)$/;
  const definitions = all.filter(({ spec }) => !there.test(spec.group));
  report(`Defining ${definitions.length} kinds of operators that are not here`);
  await apply(definitions);
  await kubectl([
    ...["wait", "--for=condition=Established", "--timeout=60s"],
    ...definitions.map(({ metadata }) => `crd/${metadata.name}`),
  ]);
}

/** Builds the images and hands them over. @throws StartError */
export async function loadImages(tag: string, report: (line: string) => void): Promise<void> {
  const archives = await Deno.makeTempDir({ prefix: "rondo-images-" });
  try {
    const files = await buildImages({ prefix: "localhost/rondo/", tag, stores: true, archives, report });
    report(`Loading ${files.length} images`);
    for (const file of files) await lab("load", file);
  } finally {
    await Deno.remove(archives, { recursive: true });
  }
}

/** Ends it, with everything on it. @throws StartError */
export async function stopLab(): Promise<void> {
  await lab("down");
}

async function lab(...args: string[]): Promise<string> {
  const { success, stdout } = await new Deno.Command(PROGRAM, {
    ...{ args, cwd: ROOT, stdin: "null", stderr: "inherit" },
  }).output();
  if (!success) throw new StartError(`The lab's cluster failed at ${args[0]}`);
  return new TextDecoder().decode(stdout);
}
