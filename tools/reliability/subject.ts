/** What is tested: headgate, or a peer with the same limits in its own words. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Child, Children } from "../shared/children.ts";
import { type Place, caddyFile, haproxyFile, nginxFile } from "../bench/configs.ts";
import { findFreePort, waitAccepting } from "../shared/ports.ts";
import { createUsageReader } from "../bench/usage.ts";

const HEADGATE = fileURLToPath(new URL("../../dist/headgate.cjs", import.meta.url));

/** The backend's program: a port, and an address, a certificate and a key where they are not the usual ones. */
export const BACKEND = fileURLToPath(new URL("backend.mjs", import.meta.url));

export interface Subject {
  readonly name: string;
  readonly port: number;
  /** headgate's only. */
  readonly adminPort: number;
  readonly child: Child;
  /** How many clients it can hold with the file descriptors that it is given here. */
  readonly maxClients: number;
  /** Of the process and its descendants. */
  memoryBytes(): number;
  /** The configuration's file. */
  readonly file: string;
}

export interface Surroundings {
  readonly folder: string;
  readonly children: Children;
  readonly backendPort: number;
}

// It counts two descriptors for each, and does not start where they are not to be had.
const HAPROXY_CLIENTS = 9_900;

/** Ten seconds for a header section, as long as headgate gives by default, and room for all connections. */
const PEERS: Readonly<Record<string, (place: Place) => readonly string[]>> = {
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

/** The route file: headgate's defaults but for a stopped upload's limit, which the test would wait for too long. */
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

export interface SubjectOptions {
  /** Another program to run it under, such as prlimit. */
  readonly prefix?: readonly string[];
  /** Lines of headgate's route file; the backend when left out. */
  readonly upstreams?: string;
  /** headgate's `shutdown.delay`. */
  readonly delay?: string;
  /** For requests and for the admin port; free ones when left out. */
  readonly ports?: readonly [number, number];
}

/** Starts it; resolves when it accepts connections. */
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

function write({ folder }: Place, name: string, text: string): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}
