/** The connections of this process to its upstreams, to recognise a request that comes back on one of them (a loop). */

/** Both ends of a connection, as a socket has them. A unix socket has none. */
export interface ConnectionEnds {
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

/** A register of connections. */
export interface OwnSockets {
  /** Adds a connection that this process opened. Returns the function that removes it, to be called when it closes. */
  add(opened: ConnectionEnds): () => void;
  /** Whether an accepted connection is the other side of a connection that this process opened. */
  has(accepted: ConnectionEnds): boolean;
}

/**
 * Creates the register of one process.
 *
 * The key has both ends. The kernel may give the same local port to connections with different destinations, so a client on this
 * machine may have the same address and port as headgate's own end towards its upstream.
 */
export function createOwnSockets(): OwnSockets {
  const keys = new Set<string>();
  return {
    add({ localAddress, localPort, remoteAddress, remotePort }) {
      if (localAddress === undefined || remoteAddress === undefined) return () => undefined;
      const key = `${toEnd(localAddress, localPort)} ${toEnd(remoteAddress, remotePort)}`;
      keys.add(key);
      return () => void keys.delete(key);
    },
    has({ localAddress, localPort, remoteAddress, remotePort }) {
      if (localAddress === undefined || remoteAddress === undefined) return false;
      return keys.has(`${toEnd(remoteAddress, remotePort)} ${toEnd(localAddress, localPort)}`);
    },
  };
}

/** An IPv4 address on a dual-stack listener is written `::ffff:10.0.0.1`. */
function toEnd(address: string, port: number | undefined): string {
  return `${address.startsWith("::ffff:") ? address.slice(7) : address} ${port}`;
}
