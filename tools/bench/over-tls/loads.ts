import { ROUND_SECONDS } from "../measure.ts";
import type { TlsLoad } from "./h2load.ts";

/** The loads of a round, in the order of the tables. */
export const TLS_LOADS = {
  get: toKept("GET", "http/1.1"),
  head: toKept("HEAD", "http/1.1"),
  getHttp2: toKept("GET", "h2"),
  headHttp2: toKept("HEAD", "h2"),
  handshake: {
    protocol: "http/1.1",
    method: "GET",
    connections: 32,
    streams: 1,
    length: { handshakes: 1500 },
  },
} as const satisfies Record<string, TlsLoad>;

/** The name of a load. */
export type TlsLoadName = keyof typeof TLS_LOADS;

/** The names of the loads, in the order of the tables. */
export const TLS_LOAD_NAMES = Object.keys(TLS_LOADS) as readonly TlsLoadName[];

function toKept(method: TlsLoad["method"], protocol: TlsLoad["protocol"]): TlsLoad {
  const [connections, streams] = protocol === "h2" ? [4, 8] : [32, 1];
  return { protocol, method, connections, streams, length: { seconds: ROUND_SECONDS } };
}
