/** headgate as a service of a Compose file. */

import { basename, relative } from "node:path"; // pure

import { directoryOf, resolveFrom } from "../../config/files.ts";
import type { TreeNode } from "../../config/yaml/tree.ts";
import { BLANK } from "./changes.ts";
import { type App, type Published, SHORT } from "./compose-app.ts";
import type { InjectOptions, RouteFile } from "./options.ts";
import { Raw, type Value } from "./render.ts";
import {
  type InputFile,
  type Place,
  read,
  readItems,
  readText,
  refuse,
  startOf,
} from "./source.ts";

/** The label with what `--remove` needs. */
export const LABEL = "dev.headgate.injected";
/** headgate's port in its container. */
export const PORT = 8080;

/** The service, with the ports that move to it. */
export function toService(app: App, moved: readonly Published[], options: InjectOptions): Value {
  const { tree, service, name, upstreamPort } = app;
  const { image, port = PORT, settings, routeFile } = options;
  const variables = [...settings].flatMap(([key, value]) =>
    key.startsWith("env.") && value !== undefined ? [[key.slice("env.".length), value]] : [],
  );
  const hasUpstream = routeFile?.hasUpstream === true && options.upstreamPort === undefined;
  const memory = settings.get("resources.limits.memory");
  const networks = read(tree, service, "networks");
  const healthcheck = read(tree, service, "healthcheck");
  return {
    image,
    environment: {
      HEADGATE_UPSTREAM: hasUpstream ? undefined : `http://${name}:${upstreamPort}`,
      HEADGATE_CONFIG:
        routeFile === undefined ? undefined : `/etc/headgate/${basename(routeFile.path)}`,
      HEADGATE_LISTEN: port === PORT ? undefined : `0.0.0.0:${port}`,
      ...Object.fromEntries(variables),
    },
    ports: moved.length === 0 ? undefined : moved.map(({ node }) => toMoved(app, node, port)),
    volumes: routeFile === undefined ? undefined : [toMount(app.file, routeFile, options.cwd)],
    depends_on:
      healthcheck === undefined || readText(tree, healthcheck, "disable") === "true"
        ? [name]
        : { [name]: { condition: "service_healthy" } },
    networks: networks === undefined ? undefined : namesOf(app, networks),
    profiles: copyList(app, "profiles"),
    // The health check is the image's own: podman-compose would run one of the file through a shell, which the image does not have.
    restart: "unless-stopped",
    stop_grace_period: "30s",
    read_only: true,
    cap_drop: ["ALL"],
    security_opt: ["no-new-privileges:true"],
    mem_limit: memory === undefined ? undefined : toMemory(String(memory)),
    labels: { [LABEL]: BLANK },
  };
}

/** The folder, because an editor replaces a mounted file; but not one that holds the Compose file and all that is beside it. */
function toMount({ name }: InputFile, { path }: RouteFile, cwd: string): string {
  const from = directoryOf(resolveFrom(cwd, name));
  const folder = relative(from, directoryOf(path));
  return /^(?:\.\.\/?)*$/.test(folder)
    ? `${toDots(basename(path))}:/etc/headgate/${basename(path)}:ro`
    : `${toDots(folder)}:/etc/headgate:ro`;
}

/** Compose takes a path for one by its dot. */
function toDots(way: string): string {
  return way.startsWith("..") ? way : `./${way}`;
}

/** Compose's units are powers of 1024 without an i. */
function toMemory(quantity: string): string {
  return quantity.replace(/i$/, "").toLowerCase();
}

function namesOf({ tree }: Place, node: TreeNode): readonly string[] {
  if (node.kind === "map")
    return node.entries.flatMap(({ key }) => (key === undefined ? [] : [key]));
  return readItems(tree, node).map((item) => (item.kind === "scalar" ? String(item.value) : ""));
}

function copyList({ tree, service }: App, key: string): readonly string[] | undefined {
  const items = readItems(tree, service, key);
  if (items.length === 0) return undefined;
  return items.map((item) => (item.kind === "scalar" ? String(item.value) : ""));
}

/** A published port that leads to headgate's. */
function toMoved(app: App, node: TreeNode, port: number): Value {
  if (node.kind === "scalar") {
    const [, host = "", , protocol = ""] = SHORT.exec(String(node.value)) ?? [];
    return `${host}${port}${protocol}`;
  }
  if (node.kind !== "map") return refuse(app, node, "is no port");
  return Object.fromEntries(
    node.entries.map(({ key = "", value }) => {
      if (value.kind !== "scalar") return refuse(app, startOf(value), "is no plain value");
      const text = new Raw(app.file.text.slice(value.start, value.end));
      return [key, key === "target" ? port : text];
    }),
  );
}
