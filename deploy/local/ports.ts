/** Ports of the loopback interface. */

export const LOOPBACK = "127.0.0.1";

/**
 * So many ports that nobody listens on at this moment. Another process may take one before it is used: whoever
 * starts a part sees that as a part that ends before it is ready.
 */
export function freePorts<Count extends number>(count: Count): number[] & { length: Count } {
  // All at once: one that was closed again could be handed out a second time.
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: LOOPBACK, port: 0 }));
  const ports = listeners.map((listener) => listener.addr.port);
  for (const listener of listeners) listener.close();
  return ports as number[] & { length: Count };
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
