/**
 * Builds the images: `deno task images`, with `--prefix localhost/rondo/` (the default), `--tag dev`, `--platform
 * amd64,arm64` (default: this machine's), `--stores` for Kafka and PostgreSQL as well, `--archives folder` for a file
 * of each, or `--bundle` for the bundles alone. It uses buildah and pulls nothing; elsewhere `docker buildx bake` builds the same Dockerfile.
 */
import { parseArgs } from "node:util";
import { join } from "node:path";
import { StartError } from "../../services/shared/host/config.ts";
import { runMain } from "../../services/shared/host/serve.ts";
import { makeBase, type Platform, run } from "./base.ts";
import { bundleAll, OUT } from "./bundle.ts";
import { DOCKERFILE, dockerfile } from "./dockerfile.ts";
import { IMAGES } from "./images.ts";
import { storeRoots } from "./stores.ts";

const OWN: Platform = Deno.build.arch === "aarch64" ? "arm64" : "amd64";

export interface BuildOptions {
  /** Before an image's name, such as `localhost/rondo/`. */
  prefix: string;
  tag: string;
  platforms?: readonly Platform[];
  /** Whether Kafka and PostgreSQL are wanted, too. */
  stores?: boolean;
  /** Also writes a docker archive of each image of this machine's platform here. */
  archives?: string;
  report?: (line: string) => void;
}

/** Builds every image; answers the archives. @throws StartError */
export async function buildImages(options: BuildOptions): Promise<string[]> {
  const { prefix, tag, platforms = [OWN], report = console.log } = options;
  if (await Deno.readTextFile(DOCKERFILE) !== dockerfile()) {
    throw new StartError("The Dockerfile is not what the permissions say: run `deno task images:file`");
  }
  await bundleAll(OUT, report);
  for (const platform of platforms) {
    report(`Building ${IMAGES.length} images for linux/${platform}`);
    const { root, deno } = await makeBase(platform);
    const [base, program] = [`localhost/rondo-base:${platform}`, `localhost/rondo-deno:${platform}`];
    await fromFolder(root, base, platform, []);
    await fromFolder(deno, program, platform, []);
    for (const { name } of IMAGES) {
      await run("buildah", [
        ...["build", "--quiet", "--layers", "--force-rm", "--platform", `linux/${platform}`, "--pull-never"],
        ...["--build-arg", `BASE=${base}`, "--build-arg", `DENO=${program}`, "--target", name],
        ...["-t", reference(prefix, name, tag, platform), "-f", DOCKERFILE, OUT],
      ]);
    }
  }
  if (options.stores === true) await buildStores(prefix, tag, report);
  const { archives } = options;
  if (archives === undefined) return [];
  await Deno.mkdir(archives, { recursive: true });
  const names = [
    ...IMAGES.map(({ name }) => name),
    ...(options.stores === true ? ["kafka", "postgres"] : []),
  ];
  const files: string[] = [];
  for (const name of names) {
    const [file, image] = [join(archives, `${name}.tar`), `${prefix}${name}:${tag}`];
    await Deno.remove(file).catch(() => {});
    await run("buildah", ["push", "--quiet", image, `docker-archive:${file}:${image}`]);
    files.push(file);
  }
  return files;
}

/** The images of other platforms carry their name, as buildah keeps one image under each. */
function reference(prefix: string, name: string, tag: string, platform: Platform): string {
  return `${prefix}${name}:${tag}${platform === OWN ? "" : `-${platform}`}`;
}

async function buildStores(prefix: string, tag: string, report: (line: string) => void): Promise<void> {
  report("Building the images of Kafka and PostgreSQL");
  const { kafka, postgres } = await storeRoots();
  await fromFolder(kafka, `${prefix}kafka:${tag}`, OWN, [
    "ENV PATH=/opt/java/bin:/opt/kafka/bin:/usr/bin:/bin",
    "USER 65532:65532",
  ]);
  await fromFolder(postgres, `${prefix}postgres:${tag}`, OWN, [
    "ENV PATH=/usr/local/bin:/usr/bin:/bin PGDATA=/var/lib/postgresql/data",
    "USER 999:999",
    'ENTRYPOINT ["docker-entrypoint.sh"]',
    'CMD ["postgres"]',
  ]);
}

/** An image of one layer. */
async function fromFolder(folder: string, name: string, platform: Platform, lines: string[]): Promise<void> {
  const file = await Deno.makeTempFile({ prefix: "rondo-image-" });
  try {
    await Deno.writeTextFile(file, ["FROM scratch", "COPY . /", ...lines, ""].join("\n"));
    await run("buildah", [
      ...[
        "build",
        "--quiet",
        "--layers",
        "--force-rm",
        "--platform",
        `linux/${platform}`,
        "-t",
        name,
        "-f",
        file,
        folder,
      ],
    ]);
  } finally {
    await Deno.remove(file);
  }
}

if (import.meta.main) {
  await runMain(async () => {
    const { values } = parseArgs({
      args: Deno.args,
      options: {
        prefix: { type: "string", default: "localhost/rondo/" },
        tag: { type: "string", default: "dev" },
        platform: { type: "string", default: OWN },
        stores: { type: "boolean", default: false },
        archives: { type: "string" },
        bundle: { type: "boolean", default: false },
      },
    });
    const platforms = values.platform.split(",").map((name) => {
      if (name === "amd64" || name === "arm64") return name;
      throw new StartError("--platform takes amd64, arm64 or both, separated by a comma");
    });
    if (values.bundle) return await bundleAll(OUT, console.log);
    await buildImages({ ...values, platforms });
  });
}
