/** The names of upstreams: a hosts file of the run's own, and a name server that is slow or says nothing. */

import { type Socket, createSocket } from "node:dgram";
import { once } from "node:events";

/** Two addresses that listen, one of them not always, and one at which nobody ever does. */
export const PAIR = { name: "pair.chaos.test", addresses: ["127.0.7.2", "127.0.7.3"] } as const;
/** A name for which the server takes its time. */
export const SLOW = { name: "slow.chaos.test", address: "127.0.7.4" } as const;
/** A name for which it never answers, nor for those below it. */
export const HUNG = { name: "hung.chaos.test" } as const;

export interface NameServer {
  /** What stands in the files of a mount namespace that asks it. */
  readonly files: Readonly<Record<string, string>>;
  stop(): void;
}

const HOSTS = ["::1", ...PAIR.addresses].map((address) => `${address} ${PAIR.name}\n`).join("");

/** Starts the name server, at an address of this process's own: its port is always the same. */
export async function startNameServer(): Promise<NameServer> {
  const { pid } = process;
  const own = `127.${64 + ((pid >> 16) & 63)}.${(pid >> 8) & 255}.${pid & 255}`;
  const socket = createSocket("udp4");
  let count = 0;
  const timers = new Set<NodeJS.Timeout>();
  socket.on("message", (query, { address, port }) => {
    const { name, type, end } = readQuestion(query);
    if (name.endsWith(HUNG.name)) return;
    const timer = setTimeout(
      () => {
        timers.delete(timer);
        socket.send(
          toResponse(query.subarray(0, end), name === SLOW.name && type === A),
          port,
          address,
        );
      },
      ((count += 1) * 37) % 200,
    );
    timers.add(timer);
  });
  socket.bind(53, own);
  await once(socket, "listening");
  // The resolver's own patience for the name that hangs: a few seconds, or the run could not end.
  const resolvConf = `nameserver ${own}\noptions timeout:4 attempts:1\n`;
  return {
    files: { "/etc/hosts": HOSTS, "/etc/resolv.conf": resolvConf },
    stop: () => stop(socket, timers),
  };
}

function stop(socket: Socket, timers: ReadonlySet<NodeJS.Timeout>): void {
  for (const timer of timers) clearTimeout(timer);
  socket.close();
}

const HEADER_BYTES = 12;
const A = 1;

/** The question of a query (RFC 1035 §4.1.2): labels with their lengths, then type and class. */
function readQuestion(query: Buffer): {
  readonly name: string;
  readonly type: number;
  readonly end: number;
} {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join(".").toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

/** The slow name's address, or that there is none of that type. */
function toResponse(query: Buffer, hasAddress: boolean): Buffer {
  const header = Buffer.from(query);
  header.writeUInt16BE(0x81_80, 2); // a response, recursion available, no error
  header.writeUInt16BE(hasAddress ? 1 : 0, 6);
  header.fill(0, 8, HEADER_BYTES);
  if (!hasAddress) return header;
  const record = Buffer.from([0xc0, HEADER_BYTES, 0, A, 0, 1, 0, 0, 0, 0, 0, 4]);
  return Buffer.concat([header, record, Buffer.from(SLOW.address.split(".").map(Number))]);
}
