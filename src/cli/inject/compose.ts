/** What inject changes in a Compose file: a service headgate, to which the app's published port moves. */

import { basename, relative } from "node:path"; // pure

import { directoryOf, resolveFrom } from "../../config/files.ts";
import { ConfigError, problemOf } from "../../config/problem.ts";
import type { MapNode, TreeNode } from "../../config/yaml/tree.ts";
import { BLANK, type NamedEdit, fillRecord, toChange } from "./changes.ts";
import { NAME } from "./container.ts";
import { type Edit, applyEdits } from "./edits.ts";
import { type Page, appendEntry, layoutOf } from "./insertions.ts";
import type { InjectOptions, Outcome, RouteFile } from "./options.ts";
import { otherProtocol } from "./ports.ts";
import { hashOf, parseRecord } from "./record.ts";
import { Raw, type Value } from "./render.ts";
import {
  type InputFile,
  type Place,
  type SourceFile,
  assertNoTemplate,
  findEntry,
  findOwnEntry,
  read,
  readItems,
  readSource,
  readText,
  refuse,
  startOf,
} from "./source.ts";
import { CHANGED } from "./undo.ts";

/** The label of the service headgate. Compose reads `$$` as one `$`. */
const LABEL = "dev.headgate.injected";
const PORT = 8080;

/** The Dockerfile's, which images in OCI format do not carry; a test compares the two. */
const HEALTHCHECK = {
  test: ["CMD", "/nodejs/bin/node", "/app/headgate.cjs", "healthcheck"],
  interval: "10s",
  timeout: "3s",
  start_period: "5s",
  retries: 3,
};

/** Whether a file is a Compose file, by its shape. */
export function isCompose({ trees }: SourceFile): boolean {
  const [tree] = trees;
  const root = tree?.root;
  if (tree === undefined || root?.kind !== "map" || trees.length > 1) return false;
  return findEntry(root, "services") !== undefined && findEntry(root, "apiVersion") === undefined;
}

/** A Compose file without what inject wrote. Throws a Refusal where that was changed. */
export function restoreCompose(file: SourceFile): InputFile {
  const place = toPlace(file);
  const { tree, root } = place;
  const node = read(tree, root, "services", NAME, "labels", LABEL);
  if (node === undefined) return file;
  const text = node.kind === "scalar" ? String(node.value).replaceAll("$$", "$") : "";
  const record = parseRecord(text);
  if (record === undefined) return refuse(place, node, `${LABEL} is not as inject wrote it`);
  const edits = record.changes.map(({ ref, before, length, hash, removed }): Edit => {
    const ports = read(tree, root, "services", ref.slice("ports:".length), "ports");
    if (ports === undefined) return refuse(place, node, `the ${ref} that inject wrote is gone`);
    const at = ports.start - before;
    if (hashOf(file.text.slice(Math.max(0, at), at + length)) !== hash)
      return refuse(place, startOf(ports), CHANGED);
    return { at, length, insert: removed };
  });
  const { before, after, hash } = record.own;
  const at = node.start - before;
  const end = node.end + after;
  const around = file.text.slice(Math.max(0, at), node.start) + file.text.slice(node.end, end);
  if (hashOf(around) !== hash) return refuse(place, node, CHANGED);
  const own = { at, length: end - at, insert: "" };
  return { name: file.name, text: applyEdits(file.text, [...edits, own]) };
}

/** A Compose file, without headgate until now, with headgate before one of its services. Throws a Refusal for what it does not understand. */
export function injectCompose(file: SourceFile, options: InjectOptions): Outcome {
  const place = toPlace(file);
  const services = findOwnEntry(place, place.root, "services")?.value;
  if (services?.kind !== "map" || services.entries.length === 0)
    return refuse(place, startOf(place.root), "has no services");
  if (findEntry(services, NAME) !== undefined) {
    const skipped = [`${file.name}: has a service headgate already`];
    return { files: [file], done: [], skipped, next: [], isThereAlready: true };
  }
  const app = chooseApp(place, services, options);
  const edits = toEdits(app, options);
  const text = applyEdits(file.text, edits);
  const changed = { name: file.name, text };
  if (restoreCompose(readSource(changed)).text !== file.text)
    throw new ConfigError([
      problemOf("", "inject could not be undone here, so nothing was written", file.name),
    ]);
  return {
    files: [changed],
    done: [`${file.name}: ${app.name}: headgate stands before its port ${app.upstreamPort}`],
    skipped: [],
    next: nextSteps(app, options),
    isThereAlready: false,
  };
}

function toPlace(file: SourceFile): Place {
  const [tree] = file.trees;
  const root = tree?.root;
  if (tree === undefined || root?.kind !== "map") throw new Error("a Compose file is a mapping");
  return { file, tree, title: "services", path: [root], root };
}

/** One item of a service's `ports`. */
interface Published {
  readonly node: TreeNode;
  /** Undefined for a range or a variable. */
  readonly port: number | undefined;
  readonly isTcp: boolean;
}

/** The service that headgate stands before. */
interface App extends Place {
  readonly name: string;
  readonly services: MapNode;
  readonly service: MapNode;
  readonly published: readonly Published[];
  readonly upstreamPort: number;
}

function chooseApp(place: Place, services: MapNode, { compose, upstreamPort }: InjectOptions): App {
  const candidates = services.entries.flatMap(({ key = "", value }) => {
    const published = readItems(place.tree, value, "ports").map((node) => toPublished(place, node));
    const tcp = published.filter(({ isTcp }) => isTcp);
    const ports = [...new Set(tcp.map(({ port }) => port))];
    const spoken = ports.filter(
      (port) =>
        port === undefined ||
        otherProtocol({ number: port, name: undefined, protocol: "TCP" }) === undefined,
    );
    return [{ name: key, value, published, ports: spoken }];
  });
  const named = candidates.find(({ name }) => name === compose);
  const publishing = candidates.filter(({ ports }) => ports.length > 0);
  const [found, ...others] = named === undefined ? publishing : [named];
  if (compose !== undefined && named === undefined)
    return refuse(place, startOf(services), `there is no service ${compose}`);
  if (found === undefined)
    return refuse(place, startOf(services), "no service publishes a port; give --compose SERVICE");
  if (others.length > 0) {
    const names = publishing.map(({ name }) => name).join(", ");
    return refuse(place, startOf(services), `${names} publish ports; give --compose SERVICE`);
  }
  const titled = { ...place, title: `services.${found.name}` };
  const { value: service, ports, published, name } = found;
  if (service.kind !== "map") return refuse(titled, service, "is no mapping of its own");
  const [port, ...more] = ports;
  const chosen = upstreamPort ?? (more.length === 0 ? port : undefined);
  if (chosen === undefined)
    return refuse(
      titled,
      startOf(read(place.tree, service, "ports") ?? service),
      "the app's port cannot be told from its ports; give --upstream-port",
    );
  const mode = read(place.tree, service, "network_mode");
  if (mode !== undefined)
    refuse(titled, mode, "a service with a network_mode publishes nothing that could move");
  assertNoTemplate(titled, service);
  return { ...titled, name, services, service, published, upstreamPort: chosen };
}

/** The container's port at the end of `127.0.0.1:8000:8000/tcp`. */
const SHORT = /^(.*:)?(\d+)(\/\w+)?$/s;

function toPublished({ tree }: Place, node: TreeNode): Published {
  if (node.kind === "map") {
    const port = Number(readText(tree, node, "target"));
    const isTcp = (readText(tree, node, "protocol") ?? "tcp") === "tcp";
    return { node, port: Number.isInteger(port) ? port : undefined, isTcp };
  }
  const text = node.kind === "scalar" ? String(node.value ?? "") : "";
  const [, , port, protocol = "/tcp"] = SHORT.exec(text) ?? [];
  return {
    node,
    port: port === undefined ? undefined : Number(port),
    isTcp: !/\/(?:udp|sctp)$/.test(text) && protocol === "/tcp",
  };
}

function toEdits(app: App, options: InjectOptions): readonly Edit[] {
  const { file, root, services, service, published, upstreamPort } = app;
  const { text } = file;
  const entry = findOwnEntry(app, service, "ports");
  const moved = published.filter(({ port, isTcp }) => isTcp && port === upstreamPort);
  const [anyEntry] = service.entries;
  const shown = entry ?? anyEntry;
  if (shown === undefined) return refuse(app, startOf(service), "is empty");
  const page: Page = {
    text,
    layout: layoutOf(text, { root, parent: services, map: service, entry: shown }),
  };
  const named = entry === undefined || moved.length === 0 ? [] : [movePorts(app, page, moved)];
  const changes = named.map((one) => toChange(text, one));
  const value = toService(app, moved, options);
  const added = appendEntry(page, services, { key: NAME, value });
  const insert = fillRecord(added.insert, { changes, isInterpolated: true }, page.layout);
  return [...named.map(({ edit }) => edit), { ...added, insert }];
}

/** Leaves the ports that stay as a list in one line, which is found again by its key. */
function movePorts(app: App, { text }: Page, moved: readonly Published[]): NamedEdit {
  const entry = findOwnEntry(app, app.service, "ports");
  const list = entry?.value;
  if (entry === undefined || list?.kind !== "seq")
    return refuse(app, startOf(app.service), "has no list of ports of its own");
  const stay = app.published.filter((one) => !moved.includes(one)).map(({ node }) => node);
  for (const node of stay)
    if (node.kind !== "scalar" || node.isBlock)
      refuse(app, startOf(node), "stays with the app; write it in short form, such as 9229:9229");
  const rest = stay.map(({ start, end }) => text.slice(start, end)).join(", ");
  const edit = { at: entry.gap, length: list.end - entry.gap, insert: ` [${rest}]` };
  return { ref: `ports:${app.name}`, before: 1, edit };
}

function toService(app: App, moved: readonly Published[], options: InjectOptions): Value {
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
    healthcheck: HEALTHCHECK,
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

function nextSteps(app: App, options: InjectOptions): readonly string[] {
  const { tree, service, name, upstreamPort, published } = app;
  const { port = PORT } = options;
  const labels = read(tree, service, "labels");
  const text = labels === undefined ? "" : app.file.text.slice(labels.start, labels.end);
  const hasMoved = published.some((one) => one.port === upstreamPort);
  return [
    ...(hasMoved
      ? []
      : [
          `${name} does not publish port ${upstreamPort}; clients reach headgate as http://headgate:${port}`,
        ]),
    `services that call http://${name}:${upstreamPort} do so without headgate; http://headgate:${port} is the way through it`,
    ...(/traefik|caddy|VIRTUAL_HOST/.test(text)
      ? [`the labels of ${name} lead a proxy to ${name} itself; move them to headgate`]
      : []),
  ];
}
