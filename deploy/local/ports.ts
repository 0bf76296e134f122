/** Ports of the loopback interface. */

export const LOOPBACK = "127.0.0.1";

/**
 * Below the ports that systems give to outgoing connections: a client that knocks at a port where nobody listens yet
 * could be given that very port, and would then talk to itself and keep it from its server.
 */
const FIRST = 20_000;
const LAST = 32_000;

/** What this process has in mind for something: a part that is killed and started again finds its port free. */
const spokenFor = new Set<number>();

/** Keeps a port that was chosen elsewhere from being handed out. */
export function reservePort(port: number): void {
  spokenFor.add(port);
}

/**
 * So many ports that nobody listens on at this moment, none of them handed out before. Another process may take one
 * before it is used: whoever starts a part sees that as a part that ends before it is ready.
 */
export function freePorts(count: number): number[] {
  return Array.from({ length: count }, freePort);
}

function freePort(): number {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (spokenFor.has(port)) continue;
    try {
      Deno.listen({ hostname: LOOPBACK, port }).close();
      spokenFor.add(port);
      return port;
    } catch (cause) {
      if (!(cause instanceof Deno.errors.AddrInUse)) throw cause;
    }
  }
}

/** Whether something takes connections on a port. */
export async function isOpen(port: number): Promise<boolean> {
  try {
    using _connection = await Deno.connect({ hostname: LOOPBACK, port });
    return true;
  } catch {
    return false;
  }
}
