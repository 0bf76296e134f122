/**
 * The folder of Dapr resources for one sidecar, out of the files that the cluster uses. What differs on one machine
 * is only where things are: a file in place of the cluster's secrets, and where the other sidecars listen.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAllDocuments, stringify } from "yaml";
import { z } from "zod";
import { LOOPBACK } from "./ports.ts";

const BASE = fileURLToPath(new URL("../../kustomize/base/dapr", import.meta.url));

const Resource = z.looseObject({
  kind: z.enum(["Component", "Configuration", "Resiliency", "Subscription"]),
  metadata: z.looseObject({ name: z.string() }),
  scopes: z.array(z.string()).optional(),
});
type Resource = z.infer<typeof Resource>;

/** What a service that the cluster's files do not know does on the broker; for tests. */
export interface CustomService {
  consumes?: readonly string[];
  /** Topics of which it sees every event from now on. */
  watches?: readonly string[];
  publishes?: readonly string[];
  /** Whether it has a state store. */
  state?: boolean;
  /** Whether it may ask for secrets. */
  secrets?: boolean;
}

export interface ResourceOptions {
  /** Everything of this sidecar goes here; made when missing. */
  folder: string;
  appId: string;
  /** Of Kafka, such as `127.0.0.1:9092`; needed by whoever has a component for it. */
  brokers?: string;
  /** Of the state store's database. */
  stateUrl?: string;
  /** What the service may ask for by name. */
  secrets?: Readonly<Record<string, string>>;
  /** The other sidecars' internal ports by app id. */
  peers?: Readonly<Record<string, number>>;
  /** Whether the sidecar samples traces (default false); where its spans go is in its environment. */
  traced?: boolean;
  /** Absent: the service is one of the cluster's. */
  custom?: CustomService;
}

export interface SidecarResources {
  resourcesPath: string;
  config: string;
}

/** Writes the resources of one sidecar, only those in whose scope it is. */
export async function writeResources(options: ResourceOptions): Promise<SidecarResources> {
  const { folder, appId, custom } = options;
  const resourcesPath = join(folder, "resources");
  await Deno.remove(resourcesPath, { recursive: true }).catch(() => {});
  await Deno.mkdir(resourcesPath, { recursive: true, mode: 0o700 });
  const secretFile = join(folder, "secrets.json");
  const config = join(folder, "configuration.yaml");
  const base = await readBase();
  const resources = custom === undefined ? base : base.map((resource) => adopt(resource, appId, custom));
  const own = [
    ...resources.filter(({ kind }) => kind !== "Configuration" && kind !== "Subscription"),
    ...(custom === undefined
      ? base.filter(({ kind }) => kind === "Subscription")
      : subscriptionsOf(base, appId, custom)),
  ].filter(({ scopes }) => scopes?.includes(appId) === true);
  await Deno.writeTextFile(secretFile, JSON.stringify(secretsOf(own, options)), { mode: 0o600 });
  for (const resource of [...own.map((one) => onThisMachine(one, secretFile)), builtInStore(secretFile)]) {
    const name = `${resource.kind.toLowerCase()}-${resource.metadata.name}.yaml`;
    await Deno.writeTextFile(join(resourcesPath, name), stringify(resource));
  }
  const [configuration] = base.filter(({ kind }) => kind === "Configuration");
  await Deno.writeTextFile(config, stringify(configured(configuration, options)));
  return { resourcesPath, config };
}

/** Every resource of the cluster's files. */
export async function readBase(): Promise<Resource[]> {
  const resources: Resource[] = [];
  for await (const { name } of Deno.readDir(BASE)) {
    if (!name.endsWith(".yaml") || name === "kustomization.yaml") continue;
    for (const document of parseAllDocuments(await Deno.readTextFile(join(BASE, name)))) {
      resources.push(Resource.parse(document.toJS()));
    }
  }
  return resources;
}

/** The secrets that this sidecar's components refer to, and those that the service may ask for. */
function secretsOf(
  own: readonly Resource[],
  { brokers, stateUrl, secrets = {} }: ResourceOptions,
): Record<string, Record<string, string>> {
  const known: Record<string, Record<string, string> | undefined> = {
    "kafka": brokers === undefined ? undefined : { brokers },
    "state-database": stateUrl === undefined ? undefined : { url: stateUrl },
  };
  const wanted = own.flatMap((resource) =>
    Component.safeParse(resource).data?.spec.metadata.flatMap(({ secretKeyRef }) =>
      secretKeyRef?.name ?? []
    ) ?? []
  );
  return Object.fromEntries([
    ...wanted.flatMap((name) => known[name] === undefined ? [] : [[name, known[name]]]),
    ...Object.entries(secrets).map(([name, value]) => [name, { [name]: value }]),
  ]);
}

/** A file stands in for the cluster's secrets. */
function onThisMachine(resource: Resource, secretFile: string): Resource {
  const type = Component.safeParse(resource).data?.spec.type;
  if (type !== "secretstores.kubernetes") return resource;
  return secretStore(resource.metadata.name, resource.scopes, secretFile);
}

/** In a cluster the operator fills in what components refer to; here a store of that name does. */
function builtInStore(secretFile: string): Resource {
  return secretStore("kubernetes", undefined, secretFile);
}

function secretStore(name: string, scopes: string[] | undefined, secretFile: string): Resource {
  return {
    apiVersion: "dapr.io/v1alpha1",
    kind: "Component",
    metadata: { name },
    spec: {
      type: "secretstores.local.file",
      version: "v1",
      metadata: [{ name: "secretsFile", value: secretFile }, { name: "multiValued", value: "true" }],
    },
    scopes,
  };
}

/**
 * The configuration with where sidecars find each other: the cluster's own resolver takes a template, so a table needs
 * neither multicast nor a registry.
 */
function configured(configuration: Resource | undefined, options: ResourceOptions): Resource {
  const { peers = {}, traced = false } = options;
  if (configuration === undefined) throw new Error("Cannot run a sidecar as there is no Configuration");
  const rows = Object.entries(peers).map(([appId, port]) =>
    `{{else if eq .ID ${JSON.stringify(appId)}}}${LOOPBACK}:${port}`
  );
  const spec = z.record(z.string(), z.unknown()).parse(configuration.spec);
  return {
    ...configuration,
    spec: {
      ...spec,
      ...(traced ? { tracing: { samplingRate: "1" } } : {}),
      nameResolution: {
        component: "kubernetes",
        // A name that is not in the table gets an address where nobody listens.
        configuration: { template: `{{if false}}${rows.join("")}{{else}}${LOOPBACK}:1{{end}}` },
      },
    },
  };
}

const Pair = z.looseObject({
  name: z.string(),
  value: z.unknown().optional(),
  secretKeyRef: z.object({ name: z.string(), key: z.string() }).optional(),
});
const Component = z.looseObject({
  kind: z.literal("Component"),
  spec: z.looseObject({ type: z.string(), metadata: z.array(Pair).default([]) }),
});

/** A resource of the cluster with a custom service in place of those it is for. */
function adopt(resource: Resource, appId: string, custom: CustomService): Resource {
  const { consumes = [], watches = [], publishes = [], state = false, secrets = false } = custom;
  const broker = consumes.length + publishes.length > 0;
  const wanted: Record<string, boolean> = {
    "Component pubsub": broker,
    "Component broadcast": watches.length > 0,
    "Component state": state,
    "Component secrets": secrets,
    "Resiliency rondo": consumes.length > 0,
  };
  const scopes = wanted[`${resource.kind} ${resource.metadata.name}`] === true ? [appId] : [];
  const component = Component.safeParse(resource).data;
  if (component === undefined) return { ...resource, scopes };
  const broadcast = resource.metadata.name === "broadcast";
  const dead = consumes.map((topic) => `${topic}.dlq`);
  const values: Record<string, string> = {
    allowedTopics: [...new Set([...consumes, ...watches, ...publishes, ...dead])].join(","),
    protectedTopics: [...new Set([...consumes, ...watches, ...publishes, ...dead])].join(","),
    publishingScopes: `${appId}=${broadcast ? "" : [...publishes, ...dead].join(",")}`,
    subscriptionScopes: `${appId}=${(broadcast ? watches : consumes).join(",")}`,
  };
  const metadata = component.spec.metadata.map((pair) => {
    const value = values[pair.name];
    return value === undefined ? pair : { ...pair, value };
  });
  return { ...resource, spec: { ...component.spec, metadata }, scopes };
}

/** The subscriptions of a custom service: like one of the cluster's, for other topics. */
function subscriptionsOf(base: Resource[], appId: string, custom: CustomService): Resource[] {
  const like = (pubsubname: string, topics: readonly string[] = []): Resource[] => {
    const model = base.find(({ kind, spec }) =>
      kind === "Subscription" && Spec.safeParse(spec).data?.pubsubname === pubsubname
    );
    const spec = Spec.parse(model?.spec);
    return topics.map((topic) => ({
      ...model,
      kind: "Subscription",
      metadata: { name: `${appId}-${pubsubname}-${topic}` },
      spec: replaceTopic(spec, topic),
      scopes: [appId],
    }));
  };
  return [...like("pubsub", custom.consumes), ...like("broadcast", custom.watches)];
}

const Spec = z.looseObject({
  pubsubname: z.string(),
  topic: z.string(),
  routes: z.object({ default: z.string() }),
  deadLetterTopic: z.string().optional(),
});

function replaceTopic(spec: z.infer<typeof Spec>, topic: string): z.infer<typeof Spec> {
  const renamed = (text: string) => text.replace(spec.topic, topic);
  return {
    ...spec,
    topic,
    routes: { default: renamed(spec.routes.default) },
    ...(spec.deadLetterTopic === undefined ? {} : { deadLetterTopic: renamed(spec.deadLetterTopic) }),
  };
}
