/** Reads the Kubernetes objects of files: workloads with their pods, Services, and other objects that inject needs. */

import type { MapNode, TreeNode } from "../../config/yaml/tree.ts";
import { NAME } from "./container.ts";
import {
  type SourceNode,
  type SourceFile,
  assertKnown,
  assertNoTemplate,
  descend,
  findEntry,
  read,
  readItems,
  readText,
  readTexts,
  refuse,
  startOf,
} from "./source.ts";

/** An object of a manifest. */
export interface KubernetesObject extends SourceNode {
  readonly kind: string;
  readonly apiVersion: string;
  readonly name: string;
  readonly namespace: string;
  /** The list of the `List` object that holds it. */
  readonly list: TreeNode | undefined;
}

/** A port that a container declares. */
export interface ContainerPort {
  readonly number: number;
  readonly name: string | undefined;
  readonly protocol: string;
  /** What a Service or a Compose file says of its protocol: `http`, `kubernetes.io/h2c`. */
  readonly appProtocol?: string | undefined;
  /** The port of the node that leads to it. */
  readonly hostPort?: number | undefined;
}

/** An object that has pods. */
export interface Workload extends KubernetesObject {
  readonly labels: ReadonlyMap<string, string>;
  /** The mapping that holds the pod's `spec`. */
  readonly template: MapNode;
  readonly pod: MapNode;
  readonly ports: readonly ContainerPort[];
  readonly probePorts: readonly number[];
  readonly usesHostNetwork: boolean;
  /** Whether it needs nodes with Windows. */
  readonly isForWindows: boolean;
  /** Whether a container is named headgate. */
  readonly hasHeadgate: boolean;
}

interface Kind {
  readonly group: RegExp;
  readonly path: readonly string[];
}

/** Where each kind has its pod template. */
const TEMPLATES: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ...["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"].map((kind): [string, Kind] => [
    kind,
    { group: /^(?:apps|extensions)\//, path: ["spec", "template"] },
  ]),
  ["Job", { group: /^batch\//, path: ["spec", "template"] }],
  ["CronJob", { group: /^batch\//, path: ["spec", "jobTemplate", "spec", "template"] }],
  ["Pod", { group: /^v1$/, path: [] }],
]);

/** Kinds whose pods run to completion. */
export const FINITE: ReadonlySet<string> = new Set(["Job", "CronJob"]);

/** All objects of a file; each item of a List is an object. */
export function findObjects(file: SourceFile): readonly KubernetesObject[] {
  return file.trees.flatMap((tree) => {
    const { root } = tree;
    if (root?.kind !== "map") return [];
    const place = { file, tree, title: "", path: [root], root };
    if (readText(tree, root, "kind") !== "List") return toObject(place, undefined);
    const items = findEntry(root, "items")?.value;
    if (items?.kind !== "seq") return [];
    return items.items.flatMap((item) =>
      item.kind === "map"
        ? toObject({ ...place, path: [root, items, item], root: item }, items)
        : [],
    );
  });
}

function toObject(place: SourceNode, list: TreeNode | undefined): readonly KubernetesObject[] {
  const { tree, root } = place;
  const kind = readText(tree, root, "kind");
  const apiVersion = readText(tree, root, "apiVersion");
  if (kind === undefined || apiVersion === undefined) return [];
  // Only the prefix of a name from generateName is known.
  const prefix = readText(tree, root, "metadata", "generateName")?.replace(/-+$/, "");
  const name = readText(tree, root, "metadata", "name") ?? prefix ?? "";
  const namespace = readText(tree, root, "metadata", "namespace") ?? "";
  return [{ ...place, title: `${kind}/${name}`, kind, apiVersion, name, namespace, list }];
}

/** Whether an object has pods. */
export function isWorkload({ kind, apiVersion }: KubernetesObject): boolean {
  return TEMPLATES.get(kind)?.group.test(apiVersion) === true;
}

/** The keys that lead to a workload's pod. */
export function podPathOf({ kind }: KubernetesObject): readonly string[] {
  return [...(TEMPLATES.get(kind)?.path ?? []), "spec"];
}

/** Reads an object's pods. Throws a Refusal for an object that cannot be changed in place. */
export function toWorkload(object: KubernetesObject): Workload {
  const { tree, root } = object;
  assertKnown(object, read(tree, root, "metadata", "name"));
  assertNoTemplate(object);
  const path = TEMPLATES.get(object.kind)?.path ?? [];
  const template = descend(object, root, ...path);
  const pod = descend(object, template, "spec");
  const merge = findEntry(pod, "<<");
  if (merge !== undefined)
    refuse(
      object,
      { start: merge.start, end: merge.gap },
      "the pod spec has a merge key; write its entries out",
    );
  const containers = readItems(tree, pod, "containers");
  if (containers.length === 0) refuse(object, startOf(pod), "has no containers");
  const all = [...containers, ...readItems(tree, pod, "initContainers")];
  return {
    ...object,
    labels: readTexts(tree, template, "metadata", "labels"),
    template,
    pod,
    ports: all.flatMap((container) => readPorts(object, container)),
    probePorts: containers.flatMap((container) => readProbePorts(object, container)),
    usesHostNetwork: readText(tree, pod, "hostNetwork") === "true",
    isForWindows: isForWindows(object, pod),
    hasHeadgate: all.some((container) => readText(tree, container, "name") === NAME),
  };
}

const OS_LABELS = ["kubernetes.io/os", "beta.kubernetes.io/os"];

function isForWindows({ tree }: SourceNode, pod: MapNode): boolean {
  const named = OS_LABELS.map((label) => readText(tree, pod, "nodeSelector", label));
  return [readText(tree, pod, "os", "name"), ...named].includes("windows");
}

function readPorts({ tree }: SourceNode, container: TreeNode): readonly ContainerPort[] {
  return readItems(tree, container, "ports").flatMap((port) => {
    const number = Number(readText(tree, port, "containerPort"));
    const name = readText(tree, port, "name");
    const protocol = readText(tree, port, "protocol") ?? "TCP";
    const host = Number(readText(tree, port, "hostPort"));
    const hostPort = Number.isInteger(host) ? host : undefined;
    return Number.isInteger(number) ? [{ number, name, protocol, hostPort }] : [];
  });
}

const PROBES = ["readinessProbe", "livenessProbe", "startupProbe"];

function readProbePorts({ tree }: SourceNode, container: TreeNode): readonly number[] {
  return PROBES.flatMap((probe) => {
    const scheme = readText(tree, container, probe, "httpGet", "scheme") ?? "HTTP";
    const port = Number(readText(tree, container, probe, "httpGet", "port"));
    return scheme === "HTTP" && Number.isInteger(port) ? [port] : [];
  });
}

/** A port of a Service. */
export interface ServicePort {
  /** Its index in the list. */
  readonly index: number;
  readonly name: string | undefined;
  readonly port: number;
  readonly protocol: string;
  readonly appProtocol: string | undefined;
  /** A number or a name; the port itself if the Service does not set a target port. */
  readonly target: string;
}

/** A Service that selects pods. */
export interface Service extends KubernetesObject {
  readonly selector: ReadonlyMap<string, string>;
  readonly isHeadless: boolean;
  readonly ports: readonly ServicePort[];
}

/** Reads an object as a Service; undefined if it is not one, or has no selector. */
export function toService(object: KubernetesObject): Service | undefined {
  const { tree, root, kind, apiVersion } = object;
  if (kind !== "Service" || apiVersion !== "v1") return undefined;
  const selector = readTexts(tree, root, "spec", "selector");
  if (selector.size === 0) return undefined;
  const ports = readItems(tree, root, "spec", "ports").map((node, index) => {
    const target = read(tree, node, "targetPort");
    assertKnown(object, target);
    const port = readText(tree, node, "port") ?? "";
    const protocol = readText(tree, node, "protocol") ?? "TCP";
    const name = readText(tree, node, "name");
    const targetText = readText(tree, node, "targetPort") ?? port;
    const appProtocol = readText(tree, node, "appProtocol");
    return { index, name, port: Number(port), protocol, appProtocol, target: targetText };
  });
  const isHeadless = readText(tree, root, "spec", "clusterIP") === "None";
  return { ...object, selector, isHeadless, ports };
}

/** Whether a Service sends requests to a workload's pods. */
export function selects(service: Service, workload: Workload): boolean {
  // Without a namespace, kubectl puts an object in the namespace of its own settings.
  const namespaces = new Set([service.namespace, workload.namespace].filter((one) => one !== ""));
  if (namespaces.size > 1) return false;
  return [...service.selector].every(([key, value]) => workload.labels.get(key) === value);
}

/** The port number that a Service's target (a number or a name) refers to. */
export function resolveTarget({ target }: ServicePort, { ports }: Workload): number | undefined {
  if (/^\d+$/.test(target)) return Number(target);
  return ports.find(({ name }) => name === target)?.number;
}
