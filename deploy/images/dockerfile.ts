/**
 * Writes the Dockerfile: `deno task images:file`. Each service's entry point states its permissions, and those are
 * in services/permissions.ts alone.
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Image, IMAGES } from "./images.ts";

export const DOCKERFILE = join(fileURLToPath(new URL(".", import.meta.url)), "Dockerfile");

const HEAD =
  `# Written by \`deno task images:file\` out of services/permissions.ts and deploy/images/images.ts: not to be edited.
#
# Programs are bundled before (\`deno task images:bundle\`); the context is the folder of the bundles. A bundle is the
# same for every platform, so what is built for another one needs no emulation.
#
# DENO is an image with the program /deno. BASE brings what it links to: glibc, libgcc and the certificates of public
# authorities. Every image shares the layers of the stage \`runtime\`.
ARG DENO=docker.io/denoland/deno:bin-2.9.6
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

FROM \${DENO} AS deno

FROM \${BASE} AS runtime
COPY --from=deno /deno /usr/local/bin/deno
# The root may be read-only: a cache, if one is wanted, goes to /tmp.
ENV DENO_DIR=/tmp/deno DENO_NO_UPDATE_CHECK=1 NO_COLOR=1
USER 65532:65532
WORKDIR /app
`;

/** The text of the Dockerfile. */
export function dockerfile(): string {
  return [HEAD, ...IMAGES.map(stage)].join("\n");
}

function stage({ name, flags }: Image): string {
  const command = [
    "/usr/local/bin/deno",
    "run",
    "--no-prompt",
    "--no-config",
    "--no-lock",
    "--no-npm",
    ...flags,
  ];
  return `FROM runtime AS ${name}
COPY ${name}/app /app
ENTRYPOINT ${JSON.stringify(command, null, 2).replaceAll("\n", " \\\n").replace(/\]$/, "]")}
CMD ["/app/main.js"]
`;
}

if (import.meta.main) {
  await Deno.writeTextFile(DOCKERFILE, dockerfile());
}
