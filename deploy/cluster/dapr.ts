/** Dapr's control plane as Rondo wants it. */
import { fileURLToPath } from "node:url";
import { kubectl, kubectlJson } from "./kubectl.ts";
import { waitUntil } from "./wait.ts";

const SYSTEM = "dapr-system";
const SCHEDULER = "dapr-scheduler-server";
const MEMBERS = "--etcd-initial-cluster";

/** Values of its chart: how sidecars are, and that no pod of Rondo starts without one. */
export const DAPR_VALUES = fileURLToPath(new URL("../platform/dapr.yaml", import.meta.url));
export const GATEWAY_VALUES = fileURLToPath(new URL("../platform/envoy-gateway.yaml", import.meta.url));

interface StatefulSet {
  spec: { replicas: number; template: { spec: { containers: { args: string[] }[] } } };
}

/**
 * Makes one scheduler of the chart's three, which small clusters have no room for: fewer replicas alone would wait
 * for the others for ever. Its jobs are in memory, and made again from the database.
 */
export async function oneScheduler(): Promise<void> {
  const set = await kubectlJson<StatefulSet>("get", "statefulset", SCHEDULER, "-n", SYSTEM);
  const args = set.spec.template.spec.containers[0]?.args ?? [];
  const at = args.indexOf(MEMBERS) + 1;
  const [first = "", ...others] = args[at]?.split(",") ?? [];
  if (at === 0 || (others.length === 0 && set.spec.replicas === 1)) return;
  const patch = [
    { op: "replace", path: "/spec/replicas", value: 1 },
    { op: "replace", path: `/spec/template/spec/containers/0/args/${at}`, value: first },
  ];
  await kubectl([
    ...["patch", "statefulset", SCHEDULER, "-n", SYSTEM, "--type=json", "-p", JSON.stringify(patch)],
  ]);
  // It waits for its members, and a pod that is not ready is not replaced by itself.
  await kubectl(["delete", "pod", `${SCHEDULER}-0`, "-n", SYSTEM, "--ignore-not-found", "--wait=false"]);
}

/** Waits until all of the control plane is ready. @throws StartError naming what is not */
export async function waitForDapr(report: (line: string) => void): Promise<void> {
  await waitUntil("Dapr's control plane", async () => {
    const { items } = await kubectlJson<{
      items: { metadata: { name: string }; status: { updatedReplicas?: number; readyReplicas?: number } }[];
    }>("get", "deployments,statefulsets", "-n", SYSTEM);
    if (items.length < 4) return ["its deployments"];
    return items.flatMap(({ metadata, status }) =>
      (status.readyReplicas ?? 0) > 0 && (status.updatedReplicas ?? 0) > 0 ? [] : [metadata.name]
    );
  }, { seconds: 300, report });
}
