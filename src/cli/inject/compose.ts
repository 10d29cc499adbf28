/** The changes to a Compose file: a new service headgate, to which the app's published port moves. */

import { formatUrl } from "../../config/address.ts";
import type { Tree, TreeNode } from "../../config/yaml/tree.ts";
import { type NamedEdit, fillRecord, isEmpty, toChange } from "./changes.ts";
import { type App, type Published, chooseApp } from "./compose-app.ts";
import { LABEL, PORT, toService } from "./compose-service.ts";
import { NAME } from "./container.ts";
import { type Edit, applyEdits } from "./edits.ts";
import { findFileUpstream, isLocal } from "./file-upstream.ts";
import { type Page, appendEntry, layoutOf } from "./insertions.ts";
import type { InjectOptions, Outcome } from "./options.ts";
import { hashOf, parseRecord } from "./record.ts";
import { assertReversible } from "./reversible.ts";
import {
  type InputFile,
  type SourceNode,
  type SourceFile,
  assertOwn,
  findEntry,
  findOwnEntry,
  read,
  readText,
  refuse,
  startOf,
} from "./source.ts";
import { CHANGED } from "./undo.ts";

/** Recognises a Compose file by its structure. */
export function isCompose(file: SourceFile): boolean {
  const root = documentOf(file)?.root;
  if (root?.kind !== "map") return false;
  return findEntry(root, "services") !== undefined && findEntry(root, "apiVersion") === undefined;
}

/** Removes what inject wrote from a Compose file. Throws a Refusal if the inserted text was changed. */
export function restoreCompose(file: SourceFile): InputFile {
  const place = toPlace(file);
  const { tree, root } = place;
  const node = read(tree, root, "services", NAME, "labels", LABEL);
  if (node === undefined) return file;
  // Compose reads `$$` as `$`.
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

/** Adds headgate in front of a service, to a Compose file without headgate. Throws a Refusal for input it does not understand. */
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
  assertReversible(file, changed, restoreCompose);
  return {
    files: [changed],
    done: [`${file.name}: ${app.name}: headgate stands in front of its port ${app.upstreamPort}`],
    skipped: [],
    next: nextSteps(app, options),
    isThereAlready: false,
  };
}

/** The only document with content. */
function documentOf({ trees }: SourceFile): Tree | undefined {
  const [tree, ...others] = trees.filter(({ root }) => root !== undefined && !isEmpty(root));
  return others.length === 0 ? tree : undefined;
}

function toPlace(file: SourceFile): SourceNode {
  const tree = documentOf(file);
  const root = tree?.root;
  if (tree === undefined || root?.kind !== "map") throw new Error("a Compose file is a mapping");
  return { file, tree, title: "services", path: [root], root };
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

/** Rewrites the remaining ports as a list in one line, which `--remove` finds by its key. */
function movePorts(app: App, { text }: Page, moved: readonly Published[]): NamedEdit {
  const entry = findOwnEntry(app, app.service, "ports");
  const list = entry?.value;
  if (entry === undefined || list?.kind !== "seq")
    return refuse(app, startOf(app.service), "has no list of ports of its own");
  if (list.hasTag)
    return refuse(app, startOf(list), "ports has a tag, which is for the merge with other files");
  assertAlone(app);
  const stay = app.published.filter((one) => !moved.includes(one)).map(({ node }) => node);
  for (const node of stay)
    if (node.kind !== "scalar" || node.isBlock)
      refuse(app, startOf(node), "stays with the app; write it in short form, such as 9229:9229");
  const rest = stay.map(({ start, end }) => text.slice(start, end)).join(", ");
  const edit = { at: entry.gap, length: list.end - entry.gap, insert: ` [${rest}]` };
  return { ref: `ports:${app.name}`, before: 1, edit };
}

/** Refuses a service whose ports another service takes over: that one would lose them as well. */
function assertAlone(app: App): void {
  assertOwn(app, app.service);
  for (const { key = "", value } of app.services.entries) {
    const base = read(app.tree, value, "extends");
    const name = base?.kind === "map" ? readText(app.tree, base, "service") : toText(base);
    if (name === app.name && read(app.tree, base, "file") === undefined)
      refuse(app, startOf(base ?? value), `services.${key} takes over its ports by extends`);
  }
}

function toText(node: TreeNode | undefined): string | undefined {
  return node?.kind === "scalar" ? String(node.value) : undefined;
}

function nextSteps(app: App, options: InjectOptions): readonly string[] {
  const { tree, service, name, upstreamPort, published } = app;
  const { port = PORT } = options;
  const upstream = findFileUpstream(options);
  const labels = read(tree, service, "labels");
  const text = labels === undefined ? "" : app.file.text.slice(labels.start, labels.end);
  const hasMoved = published.some((one) => one.port === upstreamPort);
  return [
    ...(hasMoved
      ? []
      : [
          `${name} does not publish port ${upstreamPort}; clients reach headgate as http://headgate:${port}`,
        ]),
    ...(upstream !== undefined && isLocal(upstream)
      ? [
          `the route file's upstream, ${formatUrl(upstream)}, would be headgate's own container here, so HEADGATE_UPSTREAM overrides it`,
        ]
      : []),
    `services that call http://${name}:${upstreamPort} do so without headgate; http://headgate:${port} is the way through it`,
    ...(/traefik|caddy|VIRTUAL_HOST/.test(text)
      ? [`the labels of ${name} lead a proxy to ${name} itself; move them to headgate`]
      : []),
  ];
}
