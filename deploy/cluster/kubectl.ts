/** The cluster of `KUBECONFIG`, through kubectl. */
import { StartError } from "../../services/shared/host/config.ts";

/** Any object of the cluster, as far as it is read here. */
export interface Resource {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; labels?: Record<string, string> };
  spec?: Record<string, unknown>;
  data?: Record<string, string>;
}

export interface Answer {
  success: boolean;
  stdout: string;
  stderr: string;
}

/** Runs kubectl to its end, whatever that is. @throws StartError when there is none */
export async function tryKubectl(args: readonly string[], input?: string): Promise<Answer> {
  let child;
  try {
    child = new Deno.Command("kubectl", {
      args: [...args],
      stdin: input === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new StartError("Cannot reach a cluster as there is no kubectl: install it");
  }
  if (input !== undefined) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
  }
  const { success, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  return { success, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Runs kubectl and answers what it wrote. @throws StartError with what it complained about */
export async function kubectl(args: readonly string[], input?: string): Promise<string> {
  const { success, stdout, stderr } = await tryKubectl(args, input);
  if (success) return stdout;
  throw new StartError(`kubectl ${args.slice(0, 4).join(" ")} failed: ${stderr.trim().slice(-2_000)}`);
}

/** What kubectl answers as JSON. @throws StartError */
export async function kubectlJson<T>(...args: string[]): Promise<T> {
  return JSON.parse(await kubectl([...args, "-o", "json"])) as T;
}

/** Applies objects; what is there already becomes what they say. @throws StartError */
export async function apply(resources: readonly unknown[]): Promise<void> {
  if (resources.length === 0) return;
  const list = JSON.stringify({ apiVersion: "v1", kind: "List", items: resources });
  await kubectl(["apply", "--server-side", "--force-conflicts", "--field-manager=rondo", "-f", "-"], list);
}
