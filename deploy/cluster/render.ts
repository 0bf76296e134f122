/** An overlay as the objects that it stands for, with the images of one build. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";
import { kubectl, type Resource } from "./kubectl.ts";

export const KUSTOMIZE = fileURLToPath(new URL("../../kustomize", import.meta.url));

export interface Build {
  /** Before the names of the images, such as `ghcr.io/somebody/rondo-`. */
  prefix: string;
  tag: string;
}

/** Every object of `kustomize/overlays/<overlay>`; with a build, its images are that one's. @throws StartError */
export async function render(overlay: string, images?: Build): Promise<Resource[]> {
  const resources = await build(join(KUSTOMIZE, "overlays", overlay));
  return images === undefined ? resources : resources.map((resource) => withImages(resource, images));
}

/** All objects of a folder with a kustomization. @throws StartError when it does not build */
export async function build(folder: string): Promise<Resource[]> {
  return parseAllDocuments(await kubectl(["kustomize", folder]))
    .map((document) => document.toJS() as Resource);
}

/** The object with every image of Rondo, `…rondo/<name>:<tag>`, replaced by the build's of that name. */
export function withImages<T>(value: T, images: Build): T {
  if (Array.isArray(value)) return value.map((one) => withImages(one, images)) as T;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      const [, name] = key === "image" && typeof inner === "string"
        ? /(?:^|\/)rondo[/-]([a-z-]+)(?::[\w.-]+)?$/.exec(inner) ?? []
        : [];
      return [key, name === undefined ? withImages(inner, images) : `${images.prefix}${name}:${images.tag}`];
    }),
  ) as T;
}
