import { join } from "node:path";
import { startBackend, type Backend } from "./backend.ts";
import { type CertificateFiles, writeCertificateFiles } from "./certificate-files.ts";
import type { Child, Children } from "../shared/children.ts";
import { splitCores, type Cores } from "./cores.ts";
import type { Peer } from "./peers.ts";
import { findFreePort, waitAccepting } from "../shared/ports.ts";
import { startTls } from "./tls.ts";
import { compileTools, type Tools } from "./tools.ts";

/** The parts that the benchmark works with. */
export interface Bench {
  readonly folder: string;
  readonly tools: Tools;
  readonly cores: Cores;
  readonly backend: Backend;
  /** The same backend's port with TLS. */
  readonly tlsPort: number;
  readonly certificateFiles: CertificateFiles;
  readonly children: Children;
}

/** A peer that is running. */
export interface RunningPeer {
  readonly peer: Peer;
  readonly child: Child;
  readonly port: number;
  /** The time from the start of the process until its port accepted a connection. */
  readonly startMs: number;
}

/** Builds the tools and starts the backend. Files go to `folder`, processes to `children`. */
export async function setUpBench(folder: string, children: Children): Promise<Bench> {
  const tools = compileTools(folder);
  const cores = splitCores();
  const backend = await startBackend(children, tools);
  const certificateFiles = writeCertificateFiles(folder);
  const tlsPort = await startTls(certificateFiles, children, backend.port);
  return { folder, tools, cores, children, backend, certificateFiles, tlsPort };
}

/** How to start a peer. */
interface StartOptions {
  /** For peers that run on Node. */
  readonly nodeFlags?: readonly string[];
  /** What the clients speak; plain HTTP/1.1 by default. */
  readonly clients?: "plain" | "tls";
}

/** Starts a peer on its own core. Throws if it does not start. */
export async function startPeer(
  bench: Bench,
  peer: Peer,
  { nodeFlags = [], clients = "plain" }: StartOptions = {},
): Promise<RunningPeer> {
  const port = await findFreePort();
  const name = `${peer.name}-${clients}`;
  const place = {
    folder: join(bench.folder, name),
    port,
    upstreamPort: bench.backend.port,
    upstream: `http://127.0.0.1:${bench.backend.port}`,
    tlsUpstream: `https://127.0.0.1:${bench.tlsPort}`,
    certificateFiles: clients === "tls" ? bench.certificateFiles : undefined,
  };
  const [program = "", ...args] = peer.command(place);
  const command = [...bench.cores.proxyPrefix, program, ...nodeFlags, ...args];
  const startedMs = performance.now();
  const child = bench.children.start(name, command, peer.env?.(place));
  await waitAccepting(child, port);
  return { peer, child, port, startMs: performance.now() - startedMs };
}
