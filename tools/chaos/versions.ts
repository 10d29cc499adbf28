/** The versions of HTTP that clients speak, with and without TLS. */

import type { Random } from "../shared/random.ts";
import { beginConnection } from "./connection.ts";
import type { ClientConnection } from "./desk.ts";
import { beginHttp2 } from "./http2/connection.ts";
import { openPlain, openTls } from "./sockets.ts";

/** `http2` is HTTP/2 with prior knowledge; over TLS, ALPN chooses the version. */
export type Version = "http1" | "http1-tls" | "http2" | "http2-tls";

/** The share of the connections of each version. A connection of HTTP/2 carries several times as many requests. */
export const VERSIONS: Readonly<Record<Version, number>> = {
  http1: 50,
  "http1-tls": 20,
  http2: 15,
  "http2-tls": 15,
};

/** The port for each version; a version without a port is not used. */
export type Ports = Readonly<Partial<Record<Version, number>>>;

/** The weights of the versions that have a port. */
export function versionsOf(
  weights: Readonly<Partial<Record<Version, number>>>,
  ports: Ports,
): Readonly<Record<Version, number>> {
  const served = Object.entries(weights).filter(([name]) => name in ports);
  return Object.fromEntries(served) as Record<Version, number>;
}

/** Who opens a connection, and where to. */
export interface Opening {
  readonly client: number;
  readonly ports: Ports;
  readonly random: Random;
}

/** Opens a connection of that version. */
export async function openConnection(
  version: Version,
  { client, ports, random }: Opening,
): Promise<ClientConnection> {
  const { [version]: port = 0 } = ports;
  switch (version) {
    case "http1":
      // Both kinds of listeners serve it.
      return beginConnection(await openPlain(client, random.pick([port, ports.http2 ?? port])));
    case "http1-tls":
      return beginConnection(await openTls(client, port, random.pick([[], ["http/1.1"]])));
    case "http2":
      return beginHttp2(await openPlain(client, port), "http", random);
    case "http2-tls":
      return beginHttp2(await openTls(client, port, ["h2", "http/1.1"]), "https", random);
  }
}
