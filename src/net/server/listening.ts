/** Where a server listens. */

import type { Server } from "node:http";
import type { ListenOptions } from "node:net";

import type { Address } from "../../config/address.ts";

/** Resolves with a URL or `unix:/path` once it listens; rejects with node's error (EADDRINUSE, EACCES, …). */
export function listen(http: Server, address: Address): Promise<string> {
  return new Promise((resolve, reject) => {
    http.once("error", reject);
    http.listen(toListenOptions(address), () => {
      http.off("error", reject);
      const bound = http.address();
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
