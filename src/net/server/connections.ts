/** The connections of a server, and who of them has a place. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";

import type { ProxyError } from "../../http/errors.ts";

interface Waiting {
  readonly request: IncomingMessage;
  start(): void;
}

/** One connection from a client. */
export interface ClientConnection {
  readonly socket: Socket;
  /** Waiting their turn: a pipelined request may depend on what the one before it changed (RFC 9112 §9.3.2). */
  readonly queue: Waiting[];
  current: { readonly request: IncomingMessage; readonly response: ServerResponse } | undefined;
  /** The request that was answered last, while its content still comes. */
  lingering: IncomingMessage | undefined;
  /** What made the connection unreadable, to be said when it is its turn. */
  refusal: ProxyError | undefined;
  /** Whether it is one of those that the limit allows. */
  hasPlace: boolean;
}

/** What becomes of a connection that finds every place taken. */
export type WhenFull =
  /** It is heard, and its first request answered that there is no place, unless one has become free by then. */
  | "refuse"
  /** The one that has been idle and is the oldest gives way to it: nobody can lock others out by holding connections. */
  | "replace";

/** All connections of one server. */
export interface Connections {
  get(socket: Duplex): ClientConnection | undefined;
  add(socket: Socket): ClientConnection;
  /** Gives it a place where there is one, or says that there is none. */
  admit(connection: ClientConnection): boolean;
  all(): Iterable<ClientConnection>;
  size(): number;
  /** How many places there are; 0 = no limit. */
  limit(most: number): void;
}

/** Creates the register; there is no limit yet. */
export function createConnections(whenFull: WhenFull): Connections {
  const connections = new Map<Duplex, ClientConnection>();
  let most = 0;
  let taken = 0;

  const register: Connections = {
    get: (socket) => connections.get(socket),
    add(socket) {
      const connection: ClientConnection = {
        socket,
        queue: [],
        current: undefined,
        lingering: undefined,
        refusal: undefined,
        hasPlace: false,
      };
      if (!register.admit(connection) && whenFull === "replace") {
        makePlace();
        register.admit(connection);
      }
      connections.set(socket, connection);
      socket.once("close", () => remove(connection));
      return connection;
    },
    admit(connection) {
      if (connection.hasPlace) return true;
      if (most > 0 && taken >= most) return false;
      taken += 1;
      connection.hasPlace = true;
      return true;
    },
    all: () => connections.values(),
    size: () => connections.size,
    limit(changed) {
      most = changed;
    },
  };
  return register;

  function makePlace(): void {
    for (const connection of connections.values()) {
      if (connection.current !== undefined) continue;
      connection.socket.destroy();
      return remove(connection); // its `close` comes too late for whoever is to have the place
    }
  }

  function remove(connection: ClientConnection): void {
    if (!connections.delete(connection.socket)) return;
    if (connection.hasPlace) taken -= 1;
  }
}

/**
 * RFC 9112 §9.6: what a client sends behind the request whose answer closed the connection is not processed. Whoever was
 * refused for one reading of its bytes must not get the rest of them through as another request.
 */
export function hasLastAnswer({ socket }: ClientConnection): boolean {
  return socket.destroyed || socket.writableEnded;
}
