/** The first bytes of a client of TLS. */

import { once } from "node:events";
import { Duplex } from "node:stream";
import { type ConnectionOptions, connect } from "node:tls";

/** Returns the ClientHello of Node's own client, which asks for a name unless it is empty. */
export async function readClientHello(
  servername: string,
  options: ConnectionOptions = {},
): Promise<Buffer> {
  const transport = new Duplex({
    read: () => undefined,
    write(bytes: Buffer, _, done) {
      transport.emit("hello", bytes);
      done();
    },
  });
  const hello = once(transport, "hello");
  const client = connect({ ...options, socket: transport, servername });
  client.on("error", () => undefined);
  const [bytes] = (await hello) as [Buffer];
  client.destroy();
  return bytes;
}
