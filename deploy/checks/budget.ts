/** What an overlay takes of a cluster, and whether that is within what is given. */
import { parse } from "yaml";
import type { Resource } from "../cluster/kubectl.ts";

/** Cores, bytes of memory and bytes of disk. */
export interface Amount {
  cpu: number;
  memory: number;
  disk: number;
}

export interface Line {
  name: string;
  replicas: number;
  requests: Amount;
  /** What its memory may grow to; cores are shared by who needs them. */
  memoryLimit: number;
}

export interface Budget {
  lines: Line[];
  total: { requests: Amount; memoryLimit: number };
  /** One sentence for each thing that is over, or that does not say what it takes. */
  problems: string[];
}

/** Oracle's Always Free: two cores and 12 GB of memory on Arm, and 200 GB of disk. */
export const FREE: Amount = { cpu: 2, memory: 12e9, disk: 200e9 };
/** No volume is smaller, whatever was asked for. */
const SMALLEST_VOLUME = 50e9;
/** Storage counts as this much when it is in gibibytes: volumes are sold in those, and called gigabytes. */
const GIB = 2 ** 30;

interface Container {
  name?: string;
  resources?: { requests?: Record<string, string>; limits?: Record<string, string> };
}
interface PodTemplate {
  metadata?: { annotations?: Record<string, string> };
  spec: { containers: Container[]; initContainers?: Container[] };
}
interface Claim {
  metadata: { name: string };
  spec: { resources: { requests: { storage: string } } };
}
interface Strimzi {
  replicas?: number;
  resources?: Container["resources"];
  storage?: { volumes?: { type: string; size: string }[] };
  entityOperator?: Record<string, { resources?: Container["resources"] }>;
}

/** Adds up everything in `resources` and in the platform's list; `nodes` have a volume each to boot from. */
export function budgetOf(resources: readonly Resource[], platform: readonly Line[], nodes: number): Budget {
  const problems: string[] = [];
  const lines: Line[] = [
    ...resources.flatMap((resource) => linesOf(resource, resources, problems)),
    ...platform,
    {
      name: "nodes' own volumes",
      replicas: nodes,
      requests: { cpu: 0, memory: 0, disk: SMALLEST_VOLUME },
      memoryLimit: 0,
    },
  ];
  const total = lines.reduce((sum, { replicas, requests, memoryLimit }) => ({
    requests: {
      cpu: sum.requests.cpu + replicas * requests.cpu,
      memory: sum.requests.memory + replicas * requests.memory,
      disk: sum.requests.disk + replicas * requests.disk,
    },
    memoryLimit: sum.memoryLimit + replicas * memoryLimit,
  }), { requests: { cpu: 0, memory: 0, disk: 0 }, memoryLimit: 0 });
  const over = (what: string, taken: number, given: number, unit: string, scale: number) => {
    if (taken > given * 1.000001) {
      problems.push(`${what}: ${(taken / scale).toFixed(2)} ${unit} of ${given / scale} ${unit}`);
    }
  };
  over("CPU that is asked for", total.requests.cpu, FREE.cpu, "cores", 1);
  over("memory that is asked for", total.requests.memory, FREE.memory, "GB", 1e9);
  over("memory that may be taken", total.memoryLimit, FREE.memory, "GB", 1e9);
  over("disk", total.requests.disk, FREE.disk, "GB", 1e9);
  return { lines, total, problems };
}

/** The platform's list out of its file. */
export function readPlatform(text: string): { nodes: number; lines: Line[] } {
  const { nodes, parts } = parse(text) as {
    nodes: number;
    parts: {
      name: string;
      replicas?: number;
      cpu: string;
      memory: string;
      memoryLimit: string;
      disk?: string;
    }[];
  };
  return {
    nodes,
    lines: parts.map(({ name, replicas = 1, cpu, memory, memoryLimit, disk }) => ({
      ...{ name, replicas, memoryLimit: quantity(memoryLimit) },
      requests: { cpu: quantity(cpu), memory: quantity(memory), disk: disk === undefined ? 0 : volume(disk) },
    })),
  };
}

function linesOf(resource: Resource, all: readonly Resource[], problems: string[]): Line[] {
  const { kind, metadata, spec = {} } = resource;
  switch (kind) {
    case "Deployment":
    case "StatefulSet":
    case "DaemonSet": {
      const { template, volumeClaimTemplates = [] } = spec as {
        template: PodTemplate;
        volumeClaimTemplates?: Claim[];
      };
      const line = ofPod(metadata.name, template, problems);
      const disk = volumeClaimTemplates.reduce(
        (sum, claim) => sum + volume(claim.spec.resources.requests.storage),
        0,
      );
      return [{ ...line, replicas: replicasOf(resource, all), requests: { ...line.requests, disk } }];
    }
    case "PersistentVolumeClaim": {
      const { resources } = spec as Claim["spec"];
      return [{
        name: metadata.name,
        replicas: 1,
        memoryLimit: 0,
        requests: { cpu: 0, memory: 0, disk: volume(resources.requests.storage) },
      }];
    }
    case "KafkaNodePool": {
      const pool = spec as Strimzi;
      const line = ofContainers(`kafka ${metadata.name}`, [{ resources: pool.resources }], problems);
      const disk = (pool.storage?.volumes ?? []).reduce((sum, { size }) => sum + volume(size), 0);
      return [{ ...line, replicas: pool.replicas ?? 1, requests: { ...line.requests, disk } }];
    }
    case "Kafka": {
      const operators = Object.values((spec as Strimzi).entityOperator ?? {});
      return [ofContainers(`kafka ${metadata.name}'s entity operator`, operators, problems)];
    }
    case "EnvoyProxy": {
      const { provider } = spec as {
        provider: { kubernetes: { envoyDeployment?: { container?: Container } } };
      };
      return [
        ofContainers(
          `gateway ${metadata.name}`,
          [provider.kubernetes.envoyDeployment?.container ?? {}],
          problems,
        ),
        // Envoy Gateway puts it beside each proxy, and gives it that much.
        {
          name: "gateway's shutdown manager",
          replicas: 1,
          requests: { cpu: 0.01, memory: 32 * 2 ** 20, disk: 0 },
          memoryLimit: 64 * 2 ** 20,
        },
      ];
    }
    default:
      return [];
  }
}

/** A sidecar's share is in the annotations by which it is asked for. */
function ofPod(name: string, { metadata, spec }: PodTemplate, problems: string[]): Line {
  const { annotations = {} } = metadata ?? {};
  const sidecar: Container[] = annotations["dapr.io/enabled"] === "true"
    ? [{
      name: "daprd",
      resources: {
        requests: pick({
          cpu: annotations["dapr.io/sidecar-cpu-request"],
          memory: annotations["dapr.io/sidecar-memory-request"],
        }),
        limits: pick({ memory: annotations["dapr.io/sidecar-memory-limit"] }),
      },
    }]
    : [];
  return ofContainers(name, [...spec.containers, ...sidecar], problems);
}

function pick(values: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([key, value]) => value === undefined ? [] : [[key, value]]),
  );
}

function ofContainers(name: string, containers: readonly Container[], problems: string[]): Line {
  const line: Line = { name, replicas: 1, requests: { cpu: 0, memory: 0, disk: 0 }, memoryLimit: 0 };
  for (const container of containers) {
    const { requests = {}, limits = {} } = container.resources ?? {};
    const { cpu, memory } = requests;
    if (cpu === undefined || memory === undefined || limits.memory === undefined) {
      problems.push(
        `${name}${container.name === undefined ? "" : ` (${container.name})`} does not say what it takes`,
      );
    }
    line.requests.cpu += quantity(cpu ?? "0");
    line.requests.memory += quantity(memory ?? "0");
    line.memoryLimit += quantity(limits.memory ?? "0");
  }
  return line;
}

/** As many as there are at least: where it scales to more, there must be room by chance. */
function replicasOf({ kind, metadata, spec }: Resource, all: readonly Resource[]): number {
  const scaler = all.find((one) =>
    one.kind === "HorizontalPodAutoscaler" &&
    (one.spec?.scaleTargetRef as { kind: string; name: string }).kind === kind &&
    (one.spec?.scaleTargetRef as { kind: string; name: string }).name === metadata.name
  );
  return Number(scaler?.spec?.minReplicas ?? spec?.replicas ?? 1);
}

const UNITS: Record<string, number> = {
  ...{ "": 1, m: 1e-3, k: 1e3, M: 1e6, G: 1e9, T: 1e12 },
  ...{ Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 },
};

/** A Kubernetes quantity as a number. @throws Error when it is none */
export function quantity(text: string): number {
  const [, number, unit = ""] = /^([\d.]+)([a-zA-Z]*)$/.exec(String(text)) ?? [];
  const scale = UNITS[unit];
  if (number === undefined || scale === undefined) throw new Error(`Cannot read the quantity ${text}`);
  return Number(number) * scale;
}

/** What a volume of this size is sold as. */
function volume(size: string): number {
  return Math.max(SMALLEST_VOLUME, quantity(size) / GIB * 1e9);
}
