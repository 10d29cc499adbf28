import { startPeer, type Bench, type RunningPeer } from "../bench.ts";
import type { Peer } from "../peers.ts";
import { checkOverTls, hasCurl } from "./check.ts";
import { readH2loadVersion, type TlsLoad } from "./h2load.ts";
import { TLS_LOADS, TLS_LOAD_NAMES, type TlsLoadName } from "./loads.ts";
import { needsOwnLoad } from "./own-load.ts";

/** A running peer with the loads whose protocol it speaks correctly. */
export interface TlsPeer extends RunningPeer {
  readonly loads: readonly TlsLoadName[];
}

/** The peers that can terminate TLS as headgate does. */
const NAMES: ReadonlySet<string> = new Set(["headgate", "nginx", "haproxy", "caddy"]);
type Say = (line: string) => void;

/** Starts the peers that can terminate TLS, and checks them. What is left out is reported with the reason. */
export async function startTlsPeers(
  bench: Bench,
  peers: readonly Peer[],
  say: Say,
): Promise<TlsPeer[]> {
  const missing = findMissing();
  if (missing !== undefined) {
    say(`TLS of the clients is left out: ${missing}`);
    return [];
  }
  if (bench.tools.loadTls === undefined)
    say(
      "HEAD over TLS with HTTP/1.1 is left out: OpenSSL's headers are missing (apt-get install libssl-dev)",
    );
  const running: TlsPeer[] = [];
  for (const peer of peers.filter(({ name }) => NAMES.has(name))) {
    const one = await startChecked(bench, peer, say);
    if (one !== undefined) running.push(one);
  }
  return running;
}

function findMissing(): string | undefined {
  if (readH2loadVersion() === undefined)
    return "h2load is not installed (Debian: apt-get install nghttp2-client)";
  return hasCurl() ? undefined : "curl with HTTP/2 is not installed";
}

/** Starts a peer and checks its responses over each protocol. */
async function startChecked(bench: Bench, peer: Peer, say: Say): Promise<TlsPeer | undefined> {
  const protocols: TlsLoad["protocol"][] = [];
  try {
    const one = await startPeer(bench, peer, { clients: "tls" });
    const { certificate } = bench.certificateFiles;
    for (const protocol of ["http/1.1", "h2"] as const) {
      try {
        await checkOverTls({ port: one.port, protocol, certificate });
        protocols.push(protocol);
      } catch (error) {
        say(`${peer.name} over TLS with ${protocol} is left out: ${toReason(error)}`);
      }
    }
    const loads = TLS_LOAD_NAMES.filter((name) => {
      const load = TLS_LOADS[name];
      const hasGenerator = bench.tools.loadTls !== undefined || !needsOwnLoad(load);
      return hasGenerator && protocols.includes(load.protocol);
    });
    return loads.length === 0 ? undefined : { ...one, loads };
  } catch (error) {
    say(`${peer.name} over TLS is left out: ${toReason(error)}`);
    return undefined;
  }
}

/** The error in one line. */
function toReason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.trim().replaceAll(/\s*\n\s*/g, " ");
}
