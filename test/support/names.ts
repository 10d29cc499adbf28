/**
 * Names for one test: a process in a mount namespace with its own hosts file, resolv.conf and nsswitch.conf, and name servers that the
 * test scripts. The network is the machine's, so the test's origins and clients are reachable.
 *
 *     test("…", { skip: namesMissing() }, async (t) => {
 *       const server = await startNameServer(t);
 *       const names = createNames(t, { servers: [server], hosts: "127.0.0.1 app\n::1 app\n" });
 *       server.set("db.test", ["127.0.0.1", "::1"]); // or "never", "NXDOMAIN", a promise, { A: …, AAAA: … }
 *       const headgate = await startRun(t, ["--upstream", `http://db.test:${origin.port}`], names.through);
 */

import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NameServer } from "./name-server.ts";
import { namespaceMissing, toMounted, withFiles } from "./namespace.ts";
import type { Cleanup } from "./wire.ts";

/** The files with the names. */
export interface NameFiles {
  /** In the order of resolv.conf. Without servers, resolv.conf names an address without a listener. */
  readonly servers?: readonly Pick<NameServer, "address">[];
  /** Further lines of resolv.conf: `search`, `options`. */
  readonly resolvConf?: string;
  /** The content of the hosts file. */
  readonly hosts?: string;
  /** The `hosts` line of nsswitch.conf. */
  readonly sources?: string;
}

/** The names of one test. */
export interface Names {
  /** A command prefix that runs a program with these names: `through` of `startRun`. */
  readonly through: readonly string[];
  /** Replaces the hosts file. */
  setHosts(text: string): void;
}

const LOCALHOST = "127.0.0.1 localhost\n::1 localhost\n";

// Port 53 has no listener there, so the kernel refuses at once.
const NOWHERE = { address: "127.255.255.253" };

/** Why tests with their own names are skipped here; false if they run. */
export function namesMissing(): string | false {
  const isRoot = process.getuid?.() === 0 || process.env["CI"] === "true";
  return isRoot ? namespaceMissing() : "a name server on port 53 needs root";
}

/** Writes the files of a namespace; the end of test `t` removes them. The default hosts file has localhost. */
export function createNames(
  t: Cleanup,
  { servers = [NOWHERE], resolvConf = "", hosts = LOCALHOST, sources = "files dns" }: NameFiles,
): Names {
  const folder = mkdtempSync(join(tmpdir(), "headgate-names-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const lines = servers.map(({ address }) => `nameserver ${address}\n`);
  const files = {
    "/etc/hosts": hosts,
    "/etc/resolv.conf": `${lines.join("")}${resolvConf}\n`,
    ...(existsSync("/etc/nsswitch.conf") ? { "/etc/nsswitch.conf": `hosts: ${sources}\n` } : {}),
  };
  return {
    through: withFiles(folder, files),
    setHosts: (text) => writeFileSync(toMounted(folder, "/etc/hosts"), text), // keeps the inode, so that it changes within the namespace
  };
}
