/**
 * headgate as a process from the built bundle. It trusts no client's forwarded fields: 127.0.0.1 is only the load balancer that sends
 * PROXY protocol headers.
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startProcess } from "../../test/support/process.ts";
import { CERTIFICATE, KEY } from "../../test/support/certificate.ts";
import { namespaceMissing, withFiles } from "../../test/support/namespace.ts";
import type { Ports } from "./recorder.ts";
import type { Start, Target } from "./rig.ts";
import { SCRIPTED } from "./verdict.ts";

/**
 * Scripted responses have their own upstream. It closes connections without notice, and a request that is sent on one at that moment
 * gets no response: a GET is sent again, but a POST may not be (RFC 9112 §9.5, RFC 9110 §9.2.2), so it would fail without a fault of
 * the proxy.
 */
const toRoutes = (upstream: string, { proxyProtocol, http2, tls }: Listener): string => `listen:
  address: 127.0.0.1:0
  proxyProtocol: ${proxyProtocol}
  http2: ${http2}
  ${tls ? "tls: { cert: cert.pem, key: key.pem }" : ""}
admin: off
timeouts: { keepAlive: 5s, idle: 20s }
forwarded: { trust: [${proxyProtocol ? "127.0.0.1" : ""}] }
log: { fields: [error.type, exception.stacktrace, client.address] }
upstream: { ${upstream}, connectTimeout: 60s }
upstreams:
  scripted: { ${upstream}, connectTimeout: 60s }
routes:
  - { path: "${SCRIPTED}*", upstream: scripted }
  - { path: "/head-auto/*", head: auto }
  - { path: "/head-pass/*", head: pass }
  - { path: "/head-observe/*", head: observe }
  - { path: "/head-reject/*", head: reject }
  - { path: "/head-measure/*", head: { contentLength: measure } }
  - { path: "/head-probe/*", head: { range: probe } }
`;

/** Two addresses without a listener, before the recorder's address. */
const HOSTS = ["::1", "127.0.0.9", "127.0.0.1"]
  .map((each) => `${each} several.fuzz.test\n`)
  .join("");

interface Listener {
  readonly proxyProtocol: boolean;
  readonly http2: boolean;
  readonly tls: boolean;
}

type ToUpstream = (ports: Ports, folder: string) => string;

/**
 * The proxies: one to an address, one to a name with few connections, for which many requests wait, one that reads responses strictly,
 * one whose clients come with PROXY protocol headers, one whose upstream has TLS, and one whose clients come with TLS. Those with TLS get few
 * cases, because its handshakes cost more than they do.
 */
export function toStarts(say: (line: string) => void): readonly Start[] {
  const byAddress: ToUpstream = ({ port }) => `url: "http://127.0.0.1:${port}"`;
  const byTls: ToUpstream = ({ tlsPort }, folder) => {
    const ca = join(folder, "ca.pem");
    writeFileSync(ca, CERTIFICATE);
    return `url: "https://127.0.0.1:${tlsPort}", tls: { serverName: backend.test, ca: "${ca}" }`;
  };
  const byName: ToUpstream = ({ port }) =>
    `url: "http://several.fuzz.test:${port}", maxConnections: 3`;
  const strictly: ToUpstream = (ports, folder) => `${byAddress(ports, folder)}, strict: true`;
  const plain: Start = (ports) => startHeadgate(ports, byAddress);
  const strict: Start = (ports) => startHeadgate(ports, strictly);
  const tls: Start = (ports) => startHeadgate(ports, byTls);
  const behind: Start = (ports) => startHeadgate(ports, byAddress, { toHeader, http2: true });
  const secure: Start = (ports) => startHeadgate(ports, byAddress, { isSecure: true, http2: true });
  const modern: Start = (ports) => startHeadgate(ports, byAddress, { http2: true });
  const missing = namespaceMissing();
  if (missing === false) {
    const through = (folder: string) => withFiles(folder, { "/etc/hosts": HOSTS });
    const named: Start = (ports) => startHeadgate(ports, byName, { through });
    return [plain, named, strict, named, behind, strict, tls, secure, modern];
  }
  say(`without an upstream that has a name: ${missing}`);
  return [plain, plain, strict, plain, behind, strict, tls, secure, modern];
}

/** The header of a client with that address; the other end is of no interest. */
function toHeader(address: string): string {
  return `PROXY TCP4 ${address} 127.0.0.1 40000 80\r\n`;
}

interface StartOptions extends Pick<Target, "toHeader" | "isSecure" | "http2"> {
  /** Returns the command that runs another one with the files of a folder. */
  readonly through?: (folder: string) => readonly string[];
}

async function startHeadgate(
  ports: Ports,
  toUpstream: ToUpstream,
  { through = () => [], ...options }: StartOptions = {},
): Promise<Target> {
  const folder = mkdtempSync(join(tmpdir(), "headgate-fuzz-"));
  const file = join(folder, "routes.yaml");
  const { isSecure: tls = false, http2 = false } = options;
  const listener = { proxyProtocol: options.toHeader !== undefined, http2, tls };
  writeFileSync(join(folder, "cert.pem"), CERTIFICATE);
  writeFileSync(join(folder, "key.pem"), KEY);
  writeFileSync(file, toRoutes(toUpstream(ports, folder), listener));
  const ends: (() => void | Promise<void>)[] = [];
  const cleanup = { after: (end: () => void | Promise<void>) => void ends.push(end) };
  const child = startProcess(cleanup, ["run", "--config", file], {}, through(folder));
  const [, port = ""] = await child.printed(/"listening on https?:\/\/127\.0\.0\.1:(\d+)/);
  let isOver = false;
  void child.exited.then(() => (isOver = true));
  return {
    ...options,
    sessions: {},
    pid: child.pid,
    port: Number(port),
    reading: toUpstream(ports, folder).includes("strict: true") ? "strict" : "tolerant",
    complaint() {
      if (isOver) return `headgate ended: ${child.stderr().slice(-2000)}`;
      const error = child
        .stdout()
        .split("\n")
        .find((line) => line.includes('"level":"error"'));
      return error ?? (child.stderr() === "" ? undefined : child.stderr().slice(-2000));
    },
    async stop() {
      for (const end of ends) await end();
      await child.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
