/** headgate as a process from the built bundle; it trusts no client's forwarded fields. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startProcess } from "../../test/support/process.ts";
import { CERTIFICATE } from "../../test/support/certificate.ts";
import { namespaceMissing, withFiles } from "../../test/support/namespace.ts";
import type { Ports } from "./recorder.ts";
import type { Start, Target } from "./rig.ts";
import { SCRIPTED } from "./verdict.ts";

/**
 * Scripted responses have their own upstream. It closes connections without notice, and a request that is sent on one at that moment
 * gets no response: a GET is sent again, but a POST may not be (RFC 9112 §9.5, RFC 9110 §9.2.2), so it would fail without a fault of
 * the proxy.
 */
const toRoutes = (upstream: string): string => `listen: 127.0.0.1:0
admin: off
forwarded: { trust: [] }
log: { fields: [error.type, exception.stacktrace, client.address] }
upstream: { ${upstream}, connectTimeout: 60s }
upstreams:
  scripted: { ${upstream}, connectTimeout: 60s }
routes:
  - { path: "${SCRIPTED}*", upstream: scripted }
`;

/** Two addresses without a listener, before the recorder's address. */
const HOSTS = ["::1", "127.0.0.9", "127.0.0.1"]
  .map((each) => `${each} several.fuzz.test\n`)
  .join("");

type ToUpstream = (ports: Ports, folder: string) => string;

/**
 * The proxies: one to an address, one to a name with few connections, for which many requests wait, one that reads responses strictly,
 * and one with TLS, which gets few cases because its handshakes cost more than they do. There are seven turns, so that each family is
 * tested with each proxy.
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
  const plain: Start = (ports) => startHeadgate(ports, byAddress, () => []);
  const strict: Start = (ports) => startHeadgate(ports, strictly, () => []);
  const tls: Start = (ports) => startHeadgate(ports, byTls, () => []);
  const missing = namespaceMissing();
  if (missing === false) {
    const through = (folder: string) => withFiles(folder, { "/etc/hosts": HOSTS });
    const named: Start = (ports) => startHeadgate(ports, byName, through);
    return [plain, named, strict, named, plain, strict, tls];
  }
  say(`without an upstream that has a name: ${missing}`);
  return [plain, plain, strict, plain, plain, strict, tls];
}

async function startHeadgate(
  ports: Ports,
  toUpstream: ToUpstream,
  through: (folder: string) => readonly string[],
): Promise<Target> {
  const folder = mkdtempSync(join(tmpdir(), "headgate-fuzz-"));
  const file = join(folder, "routes.yaml");
  writeFileSync(file, toRoutes(toUpstream(ports, folder)));
  const ends: (() => void | Promise<void>)[] = [];
  const cleanup = { after: (end: () => void | Promise<void>) => void ends.push(end) };
  const child = startProcess(cleanup, ["run", "--config", file], {}, through(folder));
  const [, port = ""] = await child.printed(/"listening on http:\/\/127\.0\.0\.1:(\d+)/);
  let isOver = false;
  void child.exited.then(() => (isOver = true));
  return {
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
