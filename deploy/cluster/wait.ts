/** Waiting for a cluster, with a line now and then that says for what. */
import { StartError } from "../../services/shared/host/config.ts";

const ASK_MS = 1_500;
const SAY_MS = 15_000;

/**
 * Asks until nothing is left to wait for.
 *
 * @param left what is not there yet, in words
 * @throws StartError naming what is left when the time is over
 */
export async function waitUntil(
  what: string,
  left: () => Promise<readonly string[]>,
  options: { seconds: number; report: (line: string) => void },
): Promise<void> {
  const started = performance.now();
  let said = started;
  for (;;) {
    const rest = await left();
    const now = performance.now();
    if (rest.length === 0) return;
    if (now - started > options.seconds * 1_000) {
      throw new StartError(`Waited ${options.seconds} s for ${what}; still missing: ${rest.join(", ")}`);
    }
    if (now - said > SAY_MS) {
      options.report(`waiting for ${what} (${Math.round((now - started) / 1_000)} s): ${rest.join(", ")}`);
      said = now;
    }
    await new Promise((resolve) => setTimeout(resolve, ASK_MS));
  }
}
