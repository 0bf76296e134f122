/** Ports of the loopback interface. */

export const LOOPBACK = "127.0.0.1";

/**
 * Below the ports that systems give to outgoing connections: a client that knocks at a port where nobody listens yet
 * could be given that very port, and would then talk to itself and keep it from its server.
 */
const FIRST = 20_000;
const LAST = 32_000;

/**
 * So many ports that nobody listens on at this moment. Another process may take one before it is used: whoever
 * starts a part sees that as a part that ends before it is ready.
 */
export function freePorts(count: number): number[] {
  // All at once: one that was closed again could be handed out a second time.
  const listeners = Array.from({ length: count }, listenSomewhere);
  const ports = listeners.map((listener) => listener.addr.port);
  for (const listener of listeners) listener.close();
  return ports;
}

function listenSomewhere(): Deno.TcpListener {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    try {
      return Deno.listen({ hostname: LOOPBACK, port });
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
