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

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { NameServer } from "./name-server.ts";
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

const BIND = [
  'mount --bind "$1" /etc/hosts && mount --bind "$2" /etc/resolv.conf &&',
  'if [ -e /etc/nsswitch.conf ]; then mount --bind "$3" /etc/nsswitch.conf; fi &&',
  'shift 3 && exec "$@"',
].join(" ");

/**
 * Why tests with names of their own are left out here; false where they can be run. For `skip` of node:test. In CI they are not
 * left out: they fail.
 */
export function namesMissing(): string | false {
  if (process.env["CI"] === "true") return false;
  if (process.platform !== "linux") return "mount namespaces are Linux's";
  if (process.getuid?.() !== 0) return "port 53 and a mount namespace need root";
  const { status, stderr } = spawnSync("unshare", ["--mount", "true"], { encoding: "utf8" });
  return status === 0 ? false : `no mount namespace can be had here: ${stderr ?? "no unshare"}`;
}

/** Writes the files of a namespace; the end of test `t` removes them. The hosts file has localhost where none is given. */
export function createNames(
  t: Cleanup,
  { servers = [NOWHERE], resolvConf = "", hosts = LOCALHOST, sources = "files dns" }: NameFiles,
): Names {
  const folder = mkdtempSync(join(tmpdir(), "headgate-names-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const write = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const lines = servers.map(({ address }) => `nameserver ${address}\n`);
  const files = [
    write("hosts", hosts),
    write("resolv.conf", `${lines.join("")}${resolvConf}\n`),
    write("nsswitch.conf", `hosts: ${sources}\n`),
  ];
  return {
    through: ["unshare", "--mount", "sh", "-c", BIND, "sh", ...files],
    setHosts: (text) => void write("hosts", text), // the same inode, so that it changes within the namespace
  };
}
