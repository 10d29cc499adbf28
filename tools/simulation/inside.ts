/** The entry of the bundle: all code here runs over sockets in memory. */

import type { Config } from "../../src/config/types.ts";
import type { Connect } from "../../src/upstream/socket.ts";
import { createUpstreamResources } from "../../src/upstream/upstream-pool.ts";
import { drawSchedule } from "./draw.ts";
import { MemoryHandle, network } from "./handle.ts";
import { loop } from "./loop.ts";
import { createServer, network as servers } from "./net.ts";
import { prepare, simulate } from "./simulate.ts";

/** The parts below the simulation, for tests that compare them with Node's own sockets. */
const parts = {
  loop,
  network,
  MemoryHandle,
  createServer,
  accept: (handle: MemoryHandle) => servers.server?.accept(handle),
  connectTo(
    upstream: NonNullable<ReturnType<Config["upstreams"]["get"]>>,
    readSystemFile: (path: string) => string,
  ): Connect {
    return createUpstreamResources({ collectGarbage: () => undefined, readSystemFile }).connectTo(
      upstream,
    );
  },
};

/** The exports of the bundle. */
export const simulation = { drawSchedule, prepare, simulate, parts };
