/** Ports of loopback: one on which a test's server listens, and one without a listener. */

import { once } from "node:events";
import { type AddressInfo, type Server, type Socket, createServer } from "node:net";
import { reset } from "./reset.ts";
import type { Cleanup } from "./wire.ts";

/** Listens on a free port, or on a Unix socket, and returns the port. The end of test `t` resets the connections and closes the server. */
export async function listenOn(t: Cleanup, server: Server, path?: string): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(path === undefined ? { port: 0, host: "127.0.0.1" } : { path });
  await once(server, "listening");
  // By a reset: after a FIN a tunnel would stay open for further bytes of the client.
  t.after(() => {
    for (const socket of sockets) reset(socket);
    server.close();
  });
  return path === undefined ? (server.address() as AddressInfo).port : 0;
}

/** A port that was free a moment ago. */
export async function findFreePort(host = "127.0.0.1"): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
