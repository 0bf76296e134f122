/** The images: what is in each, and how it starts. */
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { permissionFlags, SERVICES } from "../../services/permissions.ts";
import { STORES } from "../../services/stores.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Where everything of Rondo is in an image. */
export const APP = "/app";

/** A program of an image: a module of the repository, and the file that it becomes below `/app`. */
export interface Program {
  module: string;
  file: string;
}

export interface Image {
  name: string;
  programs: Program[];
  /** Files and folders of the repository that the programs read; they keep their places. */
  files?: string[];
  /** Deno's permissions for the first program, which is what the image starts. */
  flags: string[];
}

/**
 * What a service in a cluster may reach, by name: its database and its mail server are always Services of its
 * namespace, whatever they lead to. Everything else is behind its sidecar.
 */
const CLUSTER = {
  HOST: "0.0.0.0",
  PORT: "8080",
  DATABASE_URL: "postgres://postgres",
  SMTP_URL: "smtp://mail",
  // The assistant's model, when it has a key.
  OPENAI_API_KEY: "-",
  OPENAI_MODEL: "-",
};
/** Kafka in the cluster: the one of the component `kafka`, and Strimzi's, whose brokers have names of their own. */
const BROKERS = "kafka,rondo-kafka-bootstrap,*.rondo-kafka-brokers.rondo.svc";
/** Folders of every service's migrations. */
const MIGRATIONS = [
  ...new Set(
    STORES.flatMap(({ migrations }) =>
      migrations === undefined ? [] : [relative(ROOT, fileURLToPath(migrations))]
    ),
  ),
];
/** Files that a service's own modules start besides. */
const WORKERS: Record<string, Program[]> = {
  api: [{ module: "services/api/import_worker.ts", file: "services/api/import_worker.ts" }],
};

/** An image for each service, one for the web server, and one with what an operator and a deployment run. */
export const IMAGES: readonly Image[] = [
  ...SERVICES.filter((name) => name !== "embedded").map((name) => ({
    name,
    programs: [{ module: `services/${name}/main.ts`, file: "main.js" }, ...(WORKERS[name] ?? [])],
    // A service looks at all of them: its own have to be what it knows, the others' are its neighbours'.
    files: MIGRATIONS,
    flags: inImage(permissionFlags(name, CLUSTER)),
  })),
  {
    name: "web",
    programs: [{ module: "web/main.ts", file: "main.js" }],
    files: ["web/dist"],
    flags: [
      "--allow-net=0.0.0.0",
      "--allow-env=PORT,HOST,LOG_LEVEL",
      ...["--ignore-env", "--no-remote", "--allow-sys=uid,homedir", `--allow-read=${APP}/web/dist`],
    ],
  },
  {
    name: "tools",
    programs: [
      { module: "services/migrate.ts", file: "main.js" },
      { module: "deploy/kafka/main.ts", file: "kafka.js" },
      { module: "deploy/kafka/lag_exporter.ts", file: "lag_exporter.js" },
    ],
    files: MIGRATIONS,
    flags: [
      `--allow-net=0.0.0.0,postgres,${BROKERS}`,
      "--allow-env",
      ...["--no-remote", "--allow-sys=uid,homedir,hostname", `--allow-read=${APP}/services`],
    ],
  },
];

/** Flags that name folders of this checkout, as the image has them. */
function inImage(flags: readonly string[]): string[] {
  return flags.map((flag) => flag.replaceAll(ROOT.replace(/\/$/, ""), APP));
}
