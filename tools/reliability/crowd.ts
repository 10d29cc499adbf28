/** Opens many connections at once. */

import { once } from "node:events";
import type { Socket } from "node:net";
import { connectFrom } from "../shared/connect.ts";

// Below the shortest accept queue of the peers (nginx: 511).
const AT_ONCE = 200;

/** Opens that many connections from as many loopback addresses as their ports need; `greet` is called for each open connection. */
export async function openCrowd(
  port: number,
  count: number,
  greet: (socket: Socket, index: number) => Promise<void> | void,
): Promise<readonly Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const first = sockets.length;
    const some = Array.from({ length: Math.min(AT_ONCE, count - first) }, (_, index) => {
      return connectFrom(`127.0.2.${1 + ((first + index) % 200)}`, port);
    });
    for (const socket of some) socket.on("error", () => undefined);
    await Promise.all(some.map((socket) => once(socket, "connect")));
    await Promise.all(some.map(async (socket, index) => greet(socket, first + index)));
    sockets.push(...some);
  }
  return sockets;
}

/** Closes all of them. */
export function dismiss(sockets: readonly Socket[]): void {
  for (const socket of sockets) socket.destroy();
}

/** Resolves after that time. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
