/**
 * Names of a test's own: a process in a mount namespace with its own hosts file, resolv.conf and nsswitch.conf, beside name
 * servers that the test scripts. The network is the machine's, so origins and clients of the test are reached as ever.
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

export interface NameFiles {
  /** In the order of resolv.conf. With none, nothing listens where the system looks for one. */
  readonly servers?: readonly Pick<NameServer, "address">[];
  /** Further lines of resolv.conf: `search`, `options`. */
  readonly resolvConf?: string;
  /** The whole hosts file. */
  readonly hosts?: string;
  /** The `hosts` line of nsswitch.conf. */
  readonly sources?: string;
}

export interface Names {
  /** The command that runs what follows it with these names: `through` of `startRun`. */
  readonly through: readonly string[];
  /** Another hosts file, from now on. */
  setHosts(text: string): void;
}

const LOCALHOST = "127.0.0.1 localhost\n::1 localhost\n";

// Nothing listens on port 53 there: the kernel refuses at once.
const NOWHERE = { address: "127.255.255.253" };

/** Why tests with names of their own are left out here; false where they can be run. */
export function namesMissing(): string | false {
  const isRoot = process.getuid?.() === 0 || process.env["CI"] === "true";
  return isRoot ? namespaceMissing() : "a name server on port 53 needs root";
}

/** Writes the files of a namespace; the end of test `t` removes them. The hosts file has localhost where none is given. */
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
    setHosts: (text) => writeFileSync(toMounted(folder, "/etc/hosts"), text), // the same inode, so that it changes within the namespace
  };
}
