/** What somebody without access to the cluster needs to see when something did not work. */
import { NAMESPACE } from "./deploy.ts";
import { type Answer, kubectlJson, tryKubectl } from "./kubectl.ts";

const LOG_LINES = 25;
const EVENTS = 30;

interface ContainerStatus {
  name: string;
  ready: boolean;
  restartCount: number;
}
interface Pod {
  metadata: { name: string };
  status: {
    phase: string;
    containerStatuses?: ContainerStatus[];
    initContainerStatuses?: ContainerStatus[];
  };
}

/** Writes the pods, the latest warnings, and the ends of the logs of what is not well. */
export async function diagnose(write: (text: string) => void): Promise<void> {
  const show = ({ stdout, stderr }: Answer) => (stdout || stderr).trimEnd();
  try {
    write("\n-- pods");
    write(show(await tryKubectl(["get", "pods", "-A", "-o", "wide"])));
    write("\n-- warnings");
    const events = await tryKubectl([
      ...["get", "events", "-n", NAMESPACE, "--field-selector", "type=Warning"],
      ...["--sort-by", ".lastTimestamp"],
    ]);
    write(show(events).split("\n").slice(-EVENTS).join("\n"));
    const { items } = await kubectlJson<{ items: Pod[] }>("get", "pods", "-n", NAMESPACE);
    for (const { metadata, status } of items) {
      for (
        const container of [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])]
      ) {
        const troubled = container.restartCount > 0 || (!container.ready && status.phase !== "Succeeded");
        if (troubled) await logs(metadata.name, container, write);
      }
    }
  } catch (cause) {
    write(`Nothing more can be told: ${cause instanceof Error ? cause.message : cause}`);
  }
}

async function logs(pod: string, container: ContainerStatus, write: (text: string) => void): Promise<void> {
  for (const previous of container.restartCount > 0 ? [true, false] : [false]) {
    const { stdout, stderr } = await tryKubectl([
      ...["logs", "-n", NAMESPACE, pod, "-c", container.name, `--tail=${LOG_LINES}`],
      ...(previous ? ["--previous"] : []),
    ]);
    write(`\n-- ${pod} ${container.name}${previous ? " before its last restart" : ""}`);
    write((stdout || stderr).trimEnd());
  }
}
