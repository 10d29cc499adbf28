import { type Socket, connect } from "node:net";

/** Opens a client connection from a given loopback address: all of 127.0.0.0/8 is this machine. */
export function connectFrom(localAddress: string, port: number): Socket {
  return connect({ host: "127.0.0.1", port, localAddress, allowHalfOpen: true, noDelay: true });
}
