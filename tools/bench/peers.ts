import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { caddyFile, haproxyFile, headgateListener, nginxFile, type PeerSetup } from "./configs.ts";

/** A program that can replace headgate. */
export interface Peer {
  readonly name: string;
  /** Its description and its setup, for the page. */
  readonly about: string;
  readonly version: string;
  /** Writes its configuration if it needs one, and returns its command. */
  readonly command: (place: PeerSetup) => readonly string[];
  readonly env?: (place: PeerSetup) => NodeJS.ProcessEnv;
  /**
   * `proxy`: a proxy. `option`: headgate with an option that does not affect big responses. `floor`: a server that responds itself, so it
   * has no big response and reads nothing from a backend.
   */
  readonly kind: "proxy" | "option" | "floor";
  /** Whether its start-up time and its profile can be measured. */
  readonly runtime: "node" | "native";
}

/** The peers of a run. */
export interface PeerList {
  readonly present: readonly Peer[];
  /** One sentence for each peer that cannot run here. */
  readonly leftOut: readonly string[];
}

const repository = fileURLToPath(new URL("../../", import.meta.url));
const headgateScript = join(repository, "dist/headgate.cjs");

/** The peers that can run here, in the order of the table. Throws if `only` names an unknown peer. */
export function listPeers(only: readonly string[] | undefined): PeerList {
  const peers = [
    headgate(),
    headgateWith("log", "log: { access: all }"),
    headgateWith("share", "head: { share: 1s }"),
    headgateWith("probe", "head: { range: probe }"),
    headgateOverTls(),
    httpProxy(),
    nginx(),
    haproxy(),
    caddy(),
    floor(),
  ];
  const known = peers.map(({ name }) => name);
  const unknown = only?.filter((name) => !known.includes(name)) ?? [];
  if (unknown.length > 0)
    throw new Error(`unknown: ${unknown.join(", ")}; there are ${known.join(", ")}`);
  const wanted = peers.filter((peer) => only?.includes(peer.name) ?? true);
  return {
    present: wanted.filter((peer) => peer.version !== ""),
    leftOut: wanted
      .filter((peer) => peer.version === "")
      .map(
        (peer) =>
          `${peer.name} is left out: ${peer.name.startsWith("headgate") ? "dist/headgate.cjs is not built" : "it is not installed"}`,
      ),
  };
}

function headgate(): Peer {
  return {
    name: "headgate",
    about:
      "`headgate run --upstream URL --listen ADDR --admin off`, every other setting at its default",
    version: existsSync(headgateScript)
      ? readVersion([process.execPath, headgateScript, "--version"]) || "unknown"
      : "",
    command: (place) => [
      process.execPath,
      headgateScript,
      "run",
      `--upstream=${place.upstream}`,
      "--admin=off",
      place.certificateFiles === undefined
        ? `--listen=127.0.0.1:${place.port}`
        : `--config=${write(place, "headgate.yaml", headgateListener(place.port, place.certificateFiles))}`,
    ],
    kind: "proxy",
    runtime: "node",
  };
}

function headgateWith(name: string, option: string): Peer {
  const plain = headgate();
  return {
    ...plain,
    name: `headgate-${name}`,
    about: `the same with \`${option}\``,
    command: (place) => {
      const file = write(place, "headgate.yaml", `${option}\n`);
      return [...plain.command(place), `--config=${file}`];
    },
    kind: "option",
  };
}

function headgateOverTls(): Peer {
  return {
    ...headgate(),
    name: "headgate-tls",
    about: "the same with an upstream over TLS",
    command: (place) => {
      const upstream = `upstream: { url: "${place.tlsUpstream ?? place.upstream}", tls: { verify: false } }\n`;
      const file = write(place, "headgate.yaml", upstream);
      const flags = [`--listen=127.0.0.1:${place.port}`, "--admin=off", `--config=${file}`];
      return [process.execPath, headgateScript, "run", ...flags];
    },
    kind: "option",
  };
}

function httpProxy(): Peer {
  const require = createRequire(import.meta.url);
  const { name, version } = require("http-proxy/package.json") as { name: string; version: string };
  return {
    name: "http-proxy",
    about:
      "the package alone, with a keep-alive agent and `method: 'GET'` for HEAD; no forwarding fields, no log, no limits",
    version: `${name} ${version}`,
    command: ({ port, upstream }) => [
      process.execPath,
      script("http-proxy"),
      String(port),
      upstream,
    ],
    kind: "proxy",
    runtime: "node",
  };
}

function floor(): Peer {
  return {
    name: "floor",
    about: "a `node:http` server that answers by itself: below it no proxy on `node:http` can get",
    version: `Node ${process.version}`,
    command: ({ port }) => [process.execPath, script("floor"), String(port)],
    kind: "floor",
    runtime: "node",
  };
}

function nginx(): Peer {
  return {
    name: "nginx",
    about:
      "`proxy_method` by a map, `keepalive 64` to the upstream, one worker, no access log, no temporary files",
    version: readVersion(["nginx", "-v"]),
    command: (place) => {
      const file = write(place, "nginx.conf", nginxFile(place));
      return ["nginx", "-e", "stderr", "-p", place.folder, "-c", file];
    },
    kind: "proxy",
    runtime: "native",
  };
}

function haproxy(): Peer {
  return {
    name: "haproxy",
    about: "`http-request set-method GET if METH_HEAD`, one thread, no log",
    version: readVersion(["haproxy", "-v"]),
    command: (place) => ["haproxy", "-db", "-f", write(place, "haproxy.cfg", haproxyFile(place))],
    kind: "proxy",
    runtime: "native",
  };
}

function caddy(): Peer {
  return {
    name: "caddy",
    about:
      "`reverse_proxy` with `method GET` for HEAD, `compression off`, one thread of Go (`GOMAXPROCS=1`), no access log",
    version: readVersion(["caddy", "version"]),
    command: (place) => [
      "caddy",
      "run",
      "--adapter",
      "caddyfile",
      "--config",
      write(place, "Caddyfile", caddyFile(place)),
    ],
    // By default, Caddy saves its configuration and its state in the home folder.
    env: ({ folder }) => ({ GOMAXPROCS: "1", XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder }),
    kind: "proxy",
    runtime: "native",
  };
}

function script(name: string): string {
  return fileURLToPath(new URL(`peers/${name}.mjs`, import.meta.url));
}

function write(place: PeerSetup, name: string, text: string): string {
  mkdirSync(place.folder, { recursive: true });
  const file = join(place.folder, name);
  writeFileSync(file, text);
  return file;
}

/** The first dotted number in a program's version output; empty if the program does not exist. */
function readVersion([program = "", ...args]: readonly string[]): string {
  const result = spawnSync(program, args, { encoding: "utf8" });
  if (result.error !== undefined) return "";
  return /\d+(\.\d+)+[\w.-]*/.exec(result.stdout + result.stderr)?.[0] ?? "unknown";
}
