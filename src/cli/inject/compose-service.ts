/** Writes headgate as a service of a Compose file. */

import { basename, relative } from "node:path"; // pure functions

import { directoryOf, resolveFrom } from "../../config/files.ts";
import type { TreeNode } from "../../config/yaml/tree.ts";
import { BLANK } from "./changes.ts";
import { type App, type Published, SHORT } from "./compose-app.ts";
import { findFileUpstream, isLocal } from "./file-upstream.ts";
import type { InjectOptions, RouteFile } from "./options.ts";
import { Raw, type Value } from "./render.ts";
import {
  type InputFile,
  type SourceNode,
  read,
  readItems,
  readText,
  refuse,
  startOf,
} from "./source.ts";

/** The label that holds the record for `--remove`. */
export const LABEL = "dev.headgate.injected";
/** headgate's port in its container. */
export const PORT = 8080;

/** The service headgate, with the app's ports that move to it. */
export function toService(app: App, moved: readonly Published[], options: InjectOptions): Value {
  const { tree, service, name, upstreamPort } = app;
  const { image, port = PORT, settings, routeFile } = options;
  const variables = [...settings].flatMap(([key, value]) =>
    key.startsWith("env.") && value !== undefined ? [[key.slice("env.".length), value]] : [],
  );
  const upstream = findFileUpstream(options);
  const isInFile = upstream !== undefined && !isLocal(upstream);
  const memory = settings.get("resources.limits.memory");
  const networks = read(tree, service, "networks");
  const healthcheck = read(tree, service, "healthcheck");
  return {
    image,
    environment: {
      HEADGATE_UPSTREAM: isInFile ? undefined : `http://${name}:${upstreamPort}`,
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
    // The image defines the health check: podman-compose would run a file's health check through a shell, which the image does not have.
    restart: "unless-stopped",
    stop_grace_period: "30s",
    read_only: true,
    cap_drop: ["ALL"],
    security_opt: ["no-new-privileges:true"],
    mem_limit: memory === undefined ? undefined : toMemory(String(memory)),
    labels: { [LABEL]: BLANK },
  };
}

/** Mounts the folder, because an editor replaces a mounted file; but mounts the file if the folder also holds the Compose file. */
function toMount({ name }: InputFile, { path }: RouteFile, cwd: string): string {
  const from = directoryOf(resolveFrom(cwd, name));
  const folder = relative(from, directoryOf(path));
  return /^(?:\.\.\/?)*$/.test(folder)
    ? `${toDots(basename(path))}:/etc/headgate/${basename(path)}:ro`
    : `${toDots(folder)}:/etc/headgate:ro`;
}

/** Compose recognises a path by its leading dot. */
function toDots(way: string): string {
  return way.startsWith("..") ? way : `./${way}`;
}

/** Compose writes units that are powers of 1024 without an i. */
function toMemory(quantity: string): string {
  return quantity.replace(/i$/, "").toLowerCase();
}

function namesOf({ tree }: SourceNode, node: TreeNode): readonly string[] {
  if (node.kind === "map")
    return node.entries.flatMap(({ key }) => (key === undefined ? [] : [key]));
  return readItems(tree, node).map((item) => (item.kind === "scalar" ? String(item.value) : ""));
}

function copyList({ tree, service }: App, key: string): readonly string[] | undefined {
  const items = readItems(tree, service, key);
  if (items.length === 0) return undefined;
  return items.map((item) => (item.kind === "scalar" ? String(item.value) : ""));
}

/** Changes a published port so that it leads to headgate's port. */
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
