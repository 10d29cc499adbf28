/** The local ends of this process's own connections to upstreams, so that a request that comes back is known (a loop). */

/** A register of addresses with ports. */
export interface OwnSockets {
  /** Returns how to remove it again. */
  add(address: string | undefined, port: number | undefined): () => void;
  has(address: string | undefined, port: number | undefined): boolean;
}

/** Creates the register of one process. */
export function createOwnSockets(): OwnSockets {
  const keys = new Set<string>();
  return {
    add(address, port) {
      const key = toKey(address, port);
      if (key === undefined) return () => undefined; // a unix socket has no address
      keys.add(key);
      return () => void keys.delete(key);
    },
    has(address, port) {
      const key = toKey(address, port);
      return key !== undefined && keys.has(key);
    },
  };
}

/** An IPv4 peer of a dual-stack listener is written `::ffff:10.0.0.1`. */
function toKey(address: string | undefined, port: number | undefined): string | undefined {
  if (address === undefined || port === undefined) return undefined;
  return `${address.startsWith("::ffff:") ? address.slice(7) : address} ${port}`;
}
