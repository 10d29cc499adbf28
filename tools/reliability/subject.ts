/** The subject of the measurements: headgate, or a peer that is configured with the same limits. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Child, Children } from "../shared/children.ts";
import { type PeerSetup, caddyFile, haproxyFile, nginxFile } from "../bench/configs.ts";
import { findFreePort, waitAccepting } from "../shared/ports.ts";
import { createUsageReader } from "../bench/usage.ts";

const HEADGATE = fileURLToPath(new URL("../../dist/headgate.cjs", import.meta.url));

/** The backend's program. Its arguments: a port, and an address, a certificate and a key if they differ from the defaults. */
export const BACKEND = fileURLToPath(new URL("backend.mjs", import.meta.url));

/** A running subject. */
export interface Subject {
  readonly name: string;
  readonly port: number;
  /** Only headgate has one. */
  readonly adminPort: number;
  readonly child: Child;
  /** The number of clients that it can hold with the file descriptors that it gets here. */
  readonly maxClients: number;
  /** The memory of the process and its descendants. */
  memoryBytes(): number;
  /** The path of the configuration file. */
  readonly file: string;
}

/** The parts that subjects work with. */
export interface Surroundings {
  readonly folder: string;
  readonly children: Children;
  readonly backendPort: number;
}

// HAProxy counts two descriptors per client, and does not start if they are not available.
const HAPROXY_CLIENTS = 9_900;

/** Ten seconds for a header section, headgate's default, and enough connections. */
const PEERS: Readonly<Record<string, (place: PeerSetup) => readonly string[]>> = {
  nginx(place) {
    const text = nginxFile(place)
      .replace("worker_connections 1024", "worker_connections 19000")
      .replace(
        "access_log off;",
        "access_log off;\n  client_header_timeout 10s;\n  client_body_timeout 5s;",
      );
    const file = write(place, "nginx.conf", text);
    return ["nginx", "-e", "stderr", "-p", place.folder, "-c", file];
  },
  haproxy(place) {
    const text = haproxyFile(place)
      .replace("nbthread 1", `nbthread 1\n  maxconn ${HAPROXY_CLIENTS}`)
      .replace("mode http", "mode http\n  timeout http-request 10s\n  timeout http-keep-alive 75s");
    return ["haproxy", "-W", "-db", "-f", write(place, "haproxy.cfg", text)];
  },
  caddy(place) {
    const text = caddyFile(place).replace(
      "auto_https off",
      "auto_https off\n  servers {\n    timeouts {\n      read_header 10s\n    }\n  }",
    );
    const file = write(place, "Caddyfile", text);
    return ["caddy", "run", "--adapter", "caddyfile", "--config", file];
  },
};

/** The route file: headgate's defaults, with a shorter limit for a stopped upload, because the test would wait too long. */
function toYaml(
  port: number,
  adminPort: number,
  { upstreams, delay = "3s" }: SubjectOptions,
): string {
  return `listen: 127.0.0.1:${port}
admin: 127.0.0.1:${adminPort}
${upstreams}
shutdown: { delay: ${delay} }
`;
}

/** How to start a subject. */
export interface SubjectOptions {
  /** A command prefix, such as prlimit. */
  readonly prefix?: readonly string[];
  /** Lines of headgate's route file; undefined: the backend is the upstream. */
  readonly upstreams?: string;
  /** headgate's `shutdown.delay`. */
  readonly delay?: string;
  /** The ports for requests and for admin; undefined: free ports. */
  readonly ports?: readonly [number, number];
}

/** Starts the subject; resolves when it accepts connections. */
export async function startSubject(
  name: string,
  { folder, children, backendPort }: Surroundings,
  options: SubjectOptions = {},
): Promise<Subject> {
  const [port, adminPort] = options.ports ?? [await findFreePort(), await findFreePort()];
  const upstream = `http://127.0.0.1:${backendPort}`;
  const place = {
    folder: join(folder, `${name}-${port}`),
    port,
    upstreamPort: backendPort,
    upstream,
  };
  const file = join(place.folder, "routes.yaml");
  const toCommand = PEERS[name];
  if (toCommand === undefined) {
    const upstreams = `upstream: { url: "${upstream}", idleTimeout: 5s }`;
    write(place, "routes.yaml", toYaml(port, adminPort, { upstreams, ...options }));
  }
  const command = toCommand?.(place) ?? [process.execPath, HEADGATE, "run", "--config", file];
  const child = children.start(`${name}-${port}`, [...(options.prefix ?? []), ...command], {
    XDG_CONFIG_HOME: place.folder,
    XDG_DATA_HOME: place.folder,
  });
  await waitAccepting(child, port);
  const maxClients = name === "haproxy" ? HAPROXY_CLIENTS - 100 : Number.POSITIVE_INFINITY;
  const memoryBytes = (): number => usage.rssBytes(child.pid);
  return { name, port, adminPort, child, file, maxClients, memoryBytes };
}

const usage = createUsageReader();

function write({ folder }: PeerSetup, name: string, text: string): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}
