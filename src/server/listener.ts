/** Listening sockets. The door of node:net for incoming connections. */

import { type ListenOptions, type Server as Listener, type Socket, createServer } from "node:net";

import type { Address } from "../config/address.ts";

/** Creates a listener, which accepts connections after `listen`. */
export function createListener(onConnection: (socket: Socket) => void): Listener {
  return createServer(
    {
      allowHalfOpen: true, // otherwise Node ends its own side before a response is written
      noDelay: true,
      // Two reads of the upstream. With Node's 16 KiB, every chunk of a download would pause and resume the upstream.
      highWaterMark: 128 * 1024,
    },
    onConnection,
  );
}

/**
 * Starts to listen. Resolves with the location as a URL with the scheme, or `unix:/path`. Rejects with Node's error (EADDRINUSE,
 * EACCES, …).
 */
export function listen(
  listener: Listener,
  address: Address,
  scheme: "http" | "https",
): Promise<string> {
  return new Promise((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(toListenOptions(address), () => {
      listener.off("error", reject);
      const bound = listener.address();
      if (bound === null || typeof bound === "string") return resolve(`unix:${bound ?? ""}`);
      const host = bound.family === "IPv6" ? `[${bound.address}]` : bound.address;
      resolve(`${scheme}://${host}:${bound.port}`);
    });
  });
}

/** Stops listening. Resolves when all accepted connections are closed. */
export function closeListener(listener: Listener): Promise<void> {
  return new Promise((resolve) => {
    listener.close(() => resolve());
  });
}

function toListenOptions(address: Address): ListenOptions {
  switch (address.kind) {
    case "tcp":
      return { host: address.host, port: address.port };
    case "unix":
      return { path: address.path };
    case "fd":
      return { fd: address.fd } as ListenOptions; // Node accepts it, but its types allow it only in another overload
  }
}
