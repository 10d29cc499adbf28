/** One client: opens connections of every version of HTTP, and sends requests on them until the run is over. */

import { createRandom } from "../shared/random.ts";
import { type ClientConnection, type DeskParts, createDesk } from "./desk.ts";
import { type Ports, type Version, VERSIONS, openConnection, versionsOf } from "./versions.ts";

/** The parts of a client. */
export interface ClientParts extends DeskParts {
  readonly number: number;
  /** The beginning of its exchanges' ids; `c` if it is left out. */
  readonly name?: string;
  readonly ports: Ports;
  /** The versions, with the probability of each. */
  readonly versions?: Readonly<Partial<Record<Version, number>>>;
}

/** Starts the clients. Each has its own random choices, so that one client's pace does not change another's. */
export function startClients(
  { clients, seed }: { readonly clients: number; readonly seed: number },
  parts: Omit<ClientParts, "number" | "random">,
): readonly Promise<void>[] {
  return Array.from({ length: clients }, (_, number) =>
    runClient({ ...parts, number, random: createRandom(seed + 1 + number) }).catch(
      (error: unknown) => parts.ledger.violated(`client ${number} failed: ${String(error)}`),
    ),
  );
}

/** Runs until the run is over, and closes its connections. */
async function runClient(parts: ClientParts): Promise<void> {
  const { number, name = "c", ports, random, calm, isOver, isStopping } = parts;
  const weights = versionsOf(parts.versions ?? VERSIONS, ports);
  let count = 0;
  const nextId = (): string => `${name}${number}-${(count += 1)}`;
  while (!isOver()) {
    const version = random.weighted(weights);
    let connection: ClientConnection;
    const startMs = performance.now();
    try {
      connection = await openConnection(version, { client: number, ports, random });
    } catch (error) {
      if (isStopping()) return;
      calm.look();
      // A handshake has a time limit, too.
      if (calm.wasStarved(startMs)) continue;
      throw error;
    }
    try {
      await connection.use(createDesk(version, nextId, parts));
    } finally {
      // After this turn: in a callback of a read, the end of a TLS socket whose TCP socket is gone crashes Node.
      setImmediate(() => connection.close());
    }
  }
}
