/** Starts headgate's own server with a handler of the test. */

import type { TestContext } from "node:test";

import type { ServerRequest, ServerResponse } from "../../src/server/server-handler.ts";
import type { ServerLimits } from "../../src/server/server-handler.ts";
import { type Server, createServer } from "../../src/server/server.ts";

const LIMITS: ServerLimits = {
  headerMs: 5_000,
  keepAliveMs: 5_000,
  idleMs: 5_000,
  headerBytes: 16_384,
  connections: 0,
  whenFull: "refuse",
};

/** Listens on a free port of loopback until the end of test `t`. */
export async function listen(
  t: TestContext,
  onRequest: (request: ServerRequest, response: ServerResponse) => void,
): Promise<{ readonly server: Server; readonly port: number; readonly url: string }> {
  const server = createServer({ onRequest, onRefused: () => "id" }, LIMITS);
  const url = await server.listen({ kind: "tcp", host: "127.0.0.1", port: 0 });
  t.after(async () => {
    server.destroy();
    await server.close();
  });
  return { server, port: Number(new URL(url).port), url: `${url}/` };
}
