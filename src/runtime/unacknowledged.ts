/** The number of written bytes that a peer has not acknowledged yet, from Linux's /proc/net/tcp (proc(5)). */

import type { Socket } from "node:net";

/** Returns the bytes that wait for the peer's acknowledgement; undefined if the system does not report them. */
export type CountUnacknowledged = (
  socket: Pick<Socket, "localPort" | "remotePort">,
) => number | undefined;

/**
 * The system's table lists each socket of the machine, and reading it takes 0.1 to 40 ms. The table of one reading is used for this
 * many times the time that the reading took, so that many stuck connections do not take all of the CPU.
 */
const MAX_COST = 20;

/** An older table is not used, in milliseconds: two looks at a connection must not read the same table. */
const MAX_AGE_MS = 200;

const LINE = /:([0-9A-F]{4}) [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]{2} ([0-9A-F]{8}):/g;

/**
 * Creates the count. `readSystemFile` returns a file's text, or an empty text; if it throws, the count is undefined. `now` is in
 * milliseconds.
 *
 * The kernel takes megabytes at once. If the peer reads slowly, the kernel then takes nothing for seconds, so a write that waits does
 * not show whether the peer still reads. Acknowledged bytes do.
 */
export function createUnacknowledged(
  readSystemFile: (path: string) => string,
  now: () => number = () => performance.now(),
): CountUnacknowledged {
  /** Weak, because a long table takes megabytes, and it may be the last one that is needed for hours. */
  let last: WeakRef<ReadonlyMap<string, number>> | undefined;
  let usableUntilMs = -Infinity;

  return ({ localPort, remotePort }) => {
    if (localPort === undefined || remotePort === undefined) return undefined; // a unix socket
    const usable = now() < usableUntilMs ? last?.deref() : undefined;
    const table = usable ?? readTable();
    return table.get(toKey(toHex(localPort), toHex(remotePort)));
  };

  function readTable(): ReadonlyMap<string, number> {
    const beganMs = now();
    const table = parseTable(read("/proc/net/tcp") + read("/proc/net/tcp6"));
    const endedMs = now();
    usableUntilMs = endedMs + Math.min(MAX_AGE_MS, MAX_COST * (endedMs - beganMs));
    last = new WeakRef(table);
    return table;
  }

  function read(path: string): string {
    try {
      return readSystemFile(path);
    } catch {
      return ""; // for example, no file descriptor is left
    }
  }
}

/** Returns the waiting bytes by the ports. Connections with the same ports are summed: if one of them moves, all count as moving. */
function parseTable(text: string): ReadonlyMap<string, number> {
  const table = new Map<string, number>();
  for (const [, local = "", remote = "", queued = ""] of text.matchAll(LINE)) {
    const key = toKey(local, remote);
    table.set(key, (table.get(key) ?? 0) + Number.parseInt(queued, 16));
  }
  return table;
}

function toKey(local: string, remote: string): string {
  return `${local} ${remote}`;
}

function toHex(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, "0");
}
