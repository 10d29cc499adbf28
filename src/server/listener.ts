/** Where a server listens. The door of node:net for incoming connections. */

import { type ListenOptions, type Server, type Socket, createServer } from "node:net";

import type { Address } from "../config/address.ts";

/** A socket that listens for connections, once `listen` was called with it. */
export function createListener(onConnection: (socket: Socket) => void): Server {
  return createServer(
    {
      allowHalfOpen: true, // node would end its own side otherwise before an answer is written
      noDelay: true,
      // Two reads of the upstream: with node's 16 KiB every chunk of a download stops the upstream and starts it again.
      highWaterMark: 128 * 1024,
    },
    onConnection,
  );
}

/** Resolves with a URL or `unix:/path` once it listens; rejects with node's error (EADDRINUSE, EACCES, …). */
export function listen(listener: Server, address: Address): Promise<string> {
  return new Promise((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(toListenOptions(address), () => {
      listener.off("error", reject);
      const bound = listener.address();
      if (bound === null || typeof bound === "string") return resolve(`unix:${bound ?? ""}`);
      const host = bound.family === "IPv6" ? `[${bound.address}]` : bound.address;
      resolve(`http://${host}:${bound.port}`);
    });
  });
}

function toListenOptions(address: Address): ListenOptions {
  switch (address.kind) {
    case "tcp":
      return { host: address.host, port: address.port };
    case "unix":
      return { path: address.path };
    case "fd":
      return { fd: address.fd } as ListenOptions; // node takes it; its types say so only for another overload
  }
}
