/** Brings Rondo, or its next version, to a cluster: data first, then what is done once, then the services. */
import { createCertificate } from "./certificate.ts";
import { apply, kubectl, kubectlJson, type Resource, tryKubectl } from "./kubectl.ts";
import { type Build, render } from "./render.ts";
import { ensureSecrets, type SecretOptions } from "./secrets.ts";
import { waitUntil } from "./wait.ts";

export const NAMESPACE = "rondo";
const TLS_SECRET = "rondo-tls";

export interface DeployOptions {
  /** A folder of `kustomize/overlays`. */
  overlay: string;
  /** Absent: the images are the overlay's. */
  images?: Build;
  /** Where data is outside of the cluster. */
  external?: Pick<SecretOptions, "brokers" | "databaseUrl">;
  report: (line: string) => void;
}

/** Deploys and waits until everything is ready. @throws StartError naming what is not */
export async function deploy(options: DeployOptions): Promise<void> {
  const { overlay, report } = options;
  const resources = await render(overlay, options.images);
  const jobs = resources.filter(({ kind }) => kind === "Job");
  const late = resources.filter(({ kind }) => LATE.has(kind));
  const early = resources.filter((one) => !jobs.includes(one) && !late.includes(one));
  report(`Deploying ${resources.length} objects of the overlay ${overlay}`);
  await apply(early.filter(({ kind }) => kind === "Namespace"));
  const made = await ensureSecrets({ namespace: NAMESPACE, ...options.external });
  if (made.length > 0) report(`Made ${made.length} secrets`);
  await ensureCertificate(resources, report);
  await apply(early.filter(({ kind }) => kind !== "Namespace"));
  await waitUntil("the data", () => unready("statefulsets", named(early, "StatefulSet")), {
    ...{ seconds: 300, report },
  });
  for (const { metadata } of jobs) {
    // A job can't be changed.
    await kubectl(["delete", "job", metadata.name, "-n", NAMESPACE, "--ignore-not-found", "--wait"]);
  }
  await apply(jobs);
  await waitUntil("migration and topics", () => unfinished(jobs), { seconds: 300, report });
  await apply(late);
  await waitForRollout(named(late, "Deployment"), report);
  if (late.some(({ kind }) => kind === "Gateway")) {
    await waitUntil("the gateway", closedGateways, { seconds: 180, report });
  }
  report("Everything is ready");
}

/** Started only when there is a database of the right version, and topics. */
const LATE = new Set([
  "Deployment",
  "HorizontalPodAutoscaler",
  "Gateway",
  "HTTPRoute",
  "BackendTrafficPolicy",
]);

/** Waits until deployments run what they should, and nothing else. @throws StartError */
export async function waitForRollout(
  names: readonly string[],
  report: (line: string) => void,
  seconds = 420,
): Promise<void> {
  await waitUntil("the services", () => unready("deployments", names), { seconds, report });
}

interface Workload extends Resource {
  metadata: Resource["metadata"] & { generation: number };
  spec: { replicas: number };
  status: {
    observedGeneration?: number;
    replicas?: number;
    readyReplicas?: number;
    availableReplicas?: number;
    updatedReplicas?: number;
  };
}

async function unready(kind: "deployments" | "statefulsets", names: readonly string[]): Promise<string[]> {
  const { items } = await kubectlJson<{ items: Workload[] }>("get", kind, "-n", NAMESPACE);
  return names.flatMap((name) => {
    const found = items.find(({ metadata }) => metadata.name === name);
    if (found === undefined) return [name];
    const { metadata, spec, status } = found;
    const { observedGeneration = 0, updatedReplicas = 0, readyReplicas = 0, replicas = 0 } = status;
    const available = status.availableReplicas ?? 0;
    const done = observedGeneration >= metadata.generation && updatedReplicas === spec.replicas &&
      replicas === spec.replicas && readyReplicas === spec.replicas && available === spec.replicas;
    return done ? [] : [`${name} ${Math.min(updatedReplicas, available)}/${spec.replicas}`];
  });
}

async function unfinished(jobs: readonly Resource[]): Promise<string[]> {
  const { items } = await kubectlJson<{
    items: (Resource & { status: { succeeded?: number; failed?: number } })[];
  }>("get", "jobs", "-n", NAMESPACE);
  return jobs.flatMap(({ metadata: { name } }) => {
    const status = items.find(({ metadata }) => metadata.name === name)?.status;
    if ((status?.succeeded ?? 0) > 0) return [];
    return [`${name}${status?.failed === undefined ? "" : ` (${status.failed} failed)`}`];
  });
}

async function closedGateways(): Promise<string[]> {
  const { items } = await kubectlJson<{
    items: (Resource & { status?: { conditions?: { type: string; status: string; message?: string }[] } })[];
  }>("get", "gateways.gateway.networking.k8s.io", "-n", NAMESPACE);
  return items.flatMap(({ metadata, status }) => {
    const condition = status?.conditions?.find(({ type }) => type === "Programmed");
    return condition?.status === "True" ? [] : [`${metadata.name}: ${condition?.message ?? "not seen yet"}`];
  });
}

/** Where nothing issues certificates, one of our own: it is for tests and for a first look. */
async function ensureCertificate(resources: readonly Resource[], report: (line: string) => void) {
  const wanted = resources.some(({ kind }) => kind === "Gateway") &&
    !resources.some(({ kind }) => kind === "Issuer" || kind === "ClusterIssuer");
  if (!wanted || (await tryKubectl(["get", "secret", TLS_SECRET, "-n", NAMESPACE])).success) return;
  const { certificate, key } = await createCertificate(["localhost"]);
  await apply([{
    apiVersion: "v1",
    kind: "Secret",
    type: "kubernetes.io/tls",
    metadata: { name: TLS_SECRET, namespace: NAMESPACE, labels: { "app.kubernetes.io/part-of": "rondo" } },
    stringData: { "tls.crt": certificate, "tls.key": key },
  }]);
  report("Made a certificate for localhost, signed by itself");
}

function named(resources: readonly Resource[], kind: string): string[] {
  return resources.filter((one) => one.kind === kind).map(({ metadata }) => metadata.name);
}
