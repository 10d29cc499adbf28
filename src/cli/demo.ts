/** `headgate demo`: starts a backend that refuses HEAD, and headgate in front of it. */

import type { Listening } from "../app.ts";
import { loadConfig } from "../config/load.ts";
import type { ServerLimits } from "../server/server-handler.ts";
import { createServer } from "../server/server.ts";
import { respondToGetOnly } from "./demo-backend.ts";
import { readArguments } from "./flags.ts";
import type { Io } from "./io.ts";
import { toProgramName } from "./program-name.ts";
import { serve } from "./serve.ts";
import { formatTable } from "./table.ts";

const LIMITS: ServerLimits = {
  headerMs: 10_000,
  keepAliveMs: 75_000,
  idleMs: 75_000,
  headerBytes: 32 * 1024,
  connections: 0,
  whenFull: "refuse",
};

/** Runs both until a signal, and prints the commands to try. If a port is in use, a free one is used instead. */
export async function demo(args: readonly string[], io: Io): Promise<number> {
  readArguments(args, {});
  const { server, url } = await listenNear(8000);
  const listen = await freePortNear(8080);
  const admin = await freePortNear(9090);
  const { config } = await loadConfig({
    flags: { upstream: url, listen: `127.0.0.1:${listen}`, admin: `127.0.0.1:${admin}` },
    env: {},
    cwd: io.cwd,
  });
  const code = await serve(
    { config, onListening: (listening) => io.out(toInvitation(url, listening, toProgramName(io))) },
    io,
  );
  server.destroy();
  await server.close();
  return code;
}

function toInvitation(
  backend: string,
  { listen: [proxy = ""], admin = "" }: Listening,
  program: string,
): string {
  const calls = formatTable([
    [`  curl -I ${backend}/health`, "  # the backend itself: 405"],
    [`  curl -I ${proxy}/health`, "  # through headgate: 200 OK"],
  ]);
  return `headgate demo: a backend that refuses HEAD, and headgate before it.
Try in another terminal:

${calls}
Then let doctor say which endpoints refuse HEAD:

  ${program} doctor ${backend} /health

The status page shows each request as it comes: ${admin}/
Ctrl-C ends the demo. Before a backend of your own:

  ${program} run --upstream http://127.0.0.1:8000 --listen :8080
`;
}

async function listenNear(
  port: number,
): Promise<{ readonly server: ReturnType<typeof createServer>; readonly url: string }> {
  const server = createServer(
    {
      onRequest: respondToGetOnly,
      onRefused: () => "demo",
    },
    LIMITS,
  );
  try {
    return { server, url: await server.listen({ kind: "tcp", host: "127.0.0.1", port }) };
  } catch {
    return { server, url: await server.listen({ kind: "tcp", host: "127.0.0.1", port: 0 }) };
  }
}

async function freePortNear(port: number): Promise<number> {
  const { server, url } = await listenNear(port);
  await server.close();
  return Number(new URL(url).port);
}
