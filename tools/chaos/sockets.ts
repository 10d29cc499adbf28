/** Opens a client's TCP connection, and TLS over it. */

import { once } from "node:events";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { CERTIFICATE } from "../../test/support/certificate.ts";
import { connectFrom } from "../shared/connect.ts";

/** The sockets of one connection. */
export interface Sockets {
  /** Carries HTTP: the TCP socket, or TLS over it. */
  readonly socket: Socket;
  /** The TCP socket. */
  readonly transport: Socket;
}

/** Connects without TLS. */
export async function openPlain(client: number, port: number): Promise<Sockets> {
  const socket = connectFrom(addressOf(client), port);
  await once(socket, "connect");
  socket.on("error", () => undefined);
  return { socket, transport: socket };
}

/** Connects with TLS. `protocols` are offered by ALPN; empty: no ALPN. Rejects if the server chooses none of them. */
export async function openTls(
  client: number,
  port: number,
  protocols: readonly string[],
): Promise<Sockets> {
  const transport = connectFrom(addressOf(client), port);
  const alpn = protocols.length === 0 ? {} : { ALPNProtocols: [...protocols] };
  const secure = { socket: transport, ca: CERTIFICATE, servername: "backend.test", ...alpn };
  const socket = connectTls(secure);
  transport.on("error", () => undefined);
  await once(socket, "secureConnect").catch((error: unknown) => {
    transport.destroy();
    throw error;
  });
  socket.on("error", () => undefined);
  const [wanted] = protocols;
  if (wanted === undefined || socket.alpnProtocol === wanted) return { socket, transport };
  throw new Error(`ALPN chose ${String(socket.alpnProtocol)} and not ${wanted}`);
}

function addressOf(client: number): string {
  return `127.0.1.${1 + (client % 250)}`;
}
