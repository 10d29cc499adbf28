/** What inject changes in Kubernetes manifests: pods get the container, Services lead to it. */

import { ConfigError, problemOf } from "../../config/problem.ts";
import type { TreeNode } from "../../config/yaml/tree.ts";
import { BLANK, type NamedEdit, fillRecord, isEmpty, toRecordEdit } from "./changes.ts";
import { NAME, toContainer, toVolume } from "./container.ts";
import { type Edit, applyEdits } from "./edits.ts";
import {
  type Page,
  appendEntry,
  appendItem,
  fillEntry,
  isBlockEnd,
  layoutOf,
  prependEntry,
} from "./insertions.ts";
import {
  FINITE,
  type KubernetesObject,
  type Service,
  type Workload,
  findObjects,
  isWorkload,
  resolveTarget,
  selects,
  toService,
  toWorkload,
} from "./objects.ts";
import { chooseUpstreamPort, freePort } from "./ports.ts";
import { ANNOTATION } from "./record.ts";
import { type Value, renderMap } from "./render.ts";
import type { InjectOptions, Outcome } from "./options.ts";
import {
  type InputFile,
  type SourceFile,
  assertOwn,
  assertNoTemplate,
  descend,
  findEntry,
  findOwnEntry,
  forEach,
  read,
  readSource,
  readText,
  refuse,
  startOf,
} from "./source.ts";
import { restoreKubernetes } from "./undo.ts";

/** A workload with its ports. */
interface Planned {
  readonly workload: Workload;
  readonly port: number;
  readonly adminPort: number;
  readonly upstreamPort: number;
}

/** Adds headgate to manifests without it. Throws a ConfigError for what it does not understand. */
export function injectKubernetes(files: readonly SourceFile[], options: InjectOptions): Outcome {
  const objects = files.flatMap((file) => findObjects(file));
  const services = forEach(objects, toService).filter((service) => service !== undefined);
  const { planned, skipped, bystanders } = planWorkloads(objects, services, options);
  const aims = forEach(services, (service) => aimService(service, planned, bystanders));
  if (options.routeFile !== undefined) assertNoConfigMap(objects, planned);
  // Workloads of one name, such as a Deployment and a CronJob, share their ConfigMap.
  const withConfigMaps = planned.filter(
    (one, index) => planned.findIndex((other) => isNamesake(one, other)) === index,
  );
  const edits = forEach(files, (file) => [
    ...planned
      .filter(({ workload }) => workload.file === file)
      .flatMap((one) => editWorkload(one, options)),
    ...aims.filter(({ service }) => service.file === file).flatMap((aim) => editService(aim)),
    ...addConfigMaps(
      file,
      withConfigMaps.filter(({ workload }) => workload.file === file),
      options,
    ),
  ]);
  const changed = files.map(({ name, text }, index) => ({
    name,
    text: applyEdits(text, edits[index] ?? []),
  }));
  assertReversible(files, changed);
  return {
    files: changed,
    done: [
      ...planned.map((one) => describeWorkload(one)),
      ...aims.flatMap((aim) => describeService(aim)),
    ],
    skipped,
    next: nextSteps(objects, services, planned, options),
    isThereAlready: bystanders.some(({ hasHeadgate }) => hasHeadgate),
  };
}

function assertNoConfigMap(
  objects: readonly KubernetesObject[],
  planned: readonly Planned[],
): void {
  forEach(objects, (object) => {
    const isTaken = planned.some(({ workload }) => object.name === `${workload.name}-headgate`);
    if (object.kind === "ConfigMap" && isTaken)
      refuse(
        object,
        startOf(object.root),
        "has the name of the ConfigMap that inject adds; rename it",
      );
  });
}

function isNamesake({ workload: one }: Planned, { workload: other }: Planned): boolean {
  return one.name === other.name && one.namespace === other.namespace;
}

/** Nothing may be written that --remove could not take out again. */
function assertReversible(before: readonly InputFile[], after: readonly InputFile[]): void {
  for (const [index, file] of after.entries())
    if (restoreKubernetes(readSource(file)).text !== before[index]?.text)
      throw new ConfigError([
        problemOf("", "inject could not be undone here, so nothing was written", file.name),
      ]);
}

interface Selection {
  readonly planned: readonly Planned[];
  readonly skipped: readonly string[];
  /** Workloads that stay without headgate. */
  readonly bystanders: readonly Workload[];
}

const SKIP_LABEL = "headgate.dev/skip";

function planWorkloads(
  objects: readonly KubernetesObject[],
  services: readonly Service[],
  options: InjectOptions,
): Selection {
  const { only } = options;
  const workloads = forEach(
    objects.filter((object) => isWorkload(object)),
    toWorkload,
  );
  for (const name of only)
    if (!workloads.some((workload) => workload.name === name))
      throw new ConfigError([problemOf("--only", `the input has no workload ${name}`)]);
  const skipped: string[] = [];
  const skip = ({ file, title }: Workload, reason: string): [] => {
    skipped.push(`${file.name}: ${title}: ${reason}`);
    return [];
  };
  const wanted = workloads.flatMap((workload) => {
    if (only.size > 0 && !only.has(workload.name)) return [];
    if (workload.hasHeadgate) return skip(workload, "has a container named headgate already");
    return isMarked(workload) ? skip(workload, `is labelled ${SKIP_LABEL}`) : [workload];
  });
  const isSole = wanted.length === 1;
  const planned = forEach(wanted, (workload) => {
    const choice = chooseFor(workload, services, { options, isSole });
    if ("port" in choice) return [planOne(workload, choice.port, options)];
    if (isSole || choice.isAmbiguous)
      return refuse(
        workload,
        startOf(read(workload.tree, workload.pod, "containers") ?? workload.pod),
        choice.reason,
      );
    return skip(workload, choice.reason);
  }).flat();
  const chosen = new Set(planned.map(({ workload }) => workload));
  return { planned, skipped, bystanders: workloads.filter((one) => !chosen.has(one)) };
}

function isMarked({ tree, root }: Workload): boolean {
  return readText(tree, root, "metadata", "labels", SKIP_LABEL) !== undefined;
}

function chooseFor(
  workload: Workload,
  services: readonly Service[],
  { options, isSole }: { readonly options: InjectOptions; readonly isSole: boolean },
): ReturnType<typeof chooseUpstreamPort> {
  const { upstreamPort } = options;
  if (upstreamPort === undefined) return chooseUpstreamPort(workload, services);
  const declared = workload.ports.map(({ number }) => number);
  if (isSole || declared.length === 0 || declared.includes(upstreamPort))
    return { port: upstreamPort };
  return {
    reason: `declares port ${declared.join(", ")}, not ${upstreamPort}`,
    isAmbiguous: false,
  };
}

const FIRST_PORT = 8080;
const FIRST_ADMIN_PORT = 9090;

function planOne(workload: Workload, upstreamPort: number, options: InjectOptions): Planned {
  const { settings, isNative } = options;
  if (!isNative && FINITE.has(workload.kind))
    refuse(
      workload,
      startOf(workload.pod),
      "would never complete with an ordinary sidecar; leave --ordinary out",
    );
  const taken = new Set([...workload.ports.map(({ number }) => number), upstreamPort]);
  const port = options.port ?? freePort(FIRST_PORT, taken);
  const others = new Set([...taken, port]);
  const given = Number(settings.get("ports.admin"));
  const adminPort = given === FIRST_ADMIN_PORT ? freePort(given, others) : given;
  const conflict = taken.has(port) ? port : others.has(adminPort) ? adminPort : undefined;
  if (conflict !== undefined)
    refuse(
      workload,
      startOf(workload.pod),
      `port ${conflict} is used in this pod already, and its containers share their ports; choose another one`,
    );
  return { workload, port, adminPort, upstreamPort };
}

function pageOf({ file, pod, template, path }: Workload): Page {
  const containers = findEntry(pod, "containers");
  const [root] = path;
  if (containers === undefined || root?.kind !== "map") throw new Error("a pod has containers");
  return {
    text: file.text,
    layout: layoutOf(file.text, { root, parent: template, map: pod, entry: containers }),
  };
}

function editWorkload(planned: Planned, options: InjectOptions): readonly Edit[] {
  const { workload, port, adminPort, upstreamPort } = planned;
  const { pod } = workload;
  const { image, isNative, settings, routeFile } = options;
  const containers = findOwnEntry(workload, pod, "containers");
  if (containers === undefined)
    return refuse(workload, startOf(pod), "has no containers of its own");
  const page = pageOf(workload);
  const configMap = configMapOf(workload, options);
  const isUpstreamInFile = routeFile?.hasUpstream === true && options.upstreamPort === undefined;
  const upstream = isUpstreamInFile ? undefined : `http://127.0.0.1:${upstreamPort}`;
  const container = toContainer({
    image,
    isNative,
    port,
    adminPort,
    upstream,
    configMap,
    settings,
  });
  const key = isNative ? "initContainers" : "containers";
  const named = [
    addToList(workload, page, { ref: "container", key, value: container }),
    ...(configMap === undefined
      ? []
      : [addToList(workload, page, { ref: "volume", key: "volumes", value: toVolume(configMap) })]),
  ];
  return [...named.map(({ edit }) => edit), toRecordEdit(page, workload, named)];
}

/** An item at the end of a list of the pod, which may not be there yet. */
function addToList(
  workload: Workload,
  page: Page,
  { ref, key, value }: { readonly ref: string; readonly key: string; readonly value: Value },
): NamedEdit {
  const { pod } = workload;
  const containers = findOwnEntry(workload, pod, "containers");
  const entry = findOwnEntry(workload, pod, key);
  const list = entry?.value;
  const edit = toEdit();
  // Where the item begins: behind its dash, or with its brace.
  const isFlow = list?.kind === "seq" ? list.isFlow : pod.isFlow;
  return { ref, before: isFlow ? edit.insert.indexOf("{") : edit.insert.indexOf("- ") + 2, edit };

  function toEdit(): Edit {
    if (entry === undefined || list === undefined)
      return key === "initContainers" && containers !== undefined
        ? prependEntry(page, pod, { key, value: [value], before: containers })
        : appendEntry(page, pod, { key, value: [value], ...(containers && { after: containers }) });
    if (isEmpty(list)) return fillEntry(page, pod, entry, [value]);
    if (list.kind !== "seq") return refuse(workload, list, `${key} is no list`);
    for (const item of list.items)
      if (readText(workload.tree, item, "name") === NAME)
        refuse(workload, startOf(item), `the name headgate is taken in ${key}`);
    return appendItem(page, list, value);
  }
}

function configMapOf(
  { name }: Workload,
  { routeFile, settings }: InjectOptions,
): string | undefined {
  if (routeFile !== undefined) return `${name}-headgate`;
  const existing = settings.get("config.existingConfigMap");
  return existing === undefined || existing === "" ? undefined : String(existing);
}

/** One ConfigMap for each workload: beside it in its List, or as a document at the end of its file. */
function addConfigMaps(
  file: SourceFile,
  planned: readonly Planned[],
  options: InjectOptions,
): readonly Edit[] {
  const { routeFile } = options;
  if (routeFile === undefined) return [];
  return planned.map(({ workload }) => {
    const { namespace, list } = workload;
    const name = `${workload.name}-headgate`;
    const value = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: {
        name,
        namespace: namespace === "" ? undefined : namespace,
        annotations: { [ANNOTATION]: BLANK },
      },
      data: { "headgate.yaml": routeFile.text },
    };
    const page = pageOf(workload);
    const { layout } = page;
    if (list?.kind === "seq") {
      const edit = appendItem(page, list, value);
      return { ...edit, insert: fillRecord(edit.insert, {}, layout) };
    }
    const last = file.trees.at(-1)?.root;
    const { text } = file;
    const isEnded = text.endsWith("\n");
    if (workload.root.isFlow)
      return refuse(
        workload,
        startOf(workload.root),
        "there is no place for a ConfigMap behind an object in flow style or JSON; make it a List, or use --set config.existingConfigMap=NAME",
      );
    if (!isEnded && last !== undefined && isBlockEnd(last))
      return refuse(
        workload,
        { start: text.length - 1, end: text.length },
        "the file ends in a block text without a line end; end the line",
      );
    const lines = [...(isEnded ? [] : [""]), "---", ...renderMap(value, 0, layout), ""];
    return { at: text.length, length: 0, insert: fillRecord(lines.join(layout.eol), {}, layout) };
  });
}

/** A Service and the ports of it that lead to apps before which headgate stands. */
interface Aim {
  readonly service: Service;
  readonly ports: readonly { readonly index: number; readonly target: number }[];
}

function aimService(
  service: Service,
  planned: readonly Planned[],
  bystanders: readonly Workload[],
): Aim {
  const selected = planned.filter(({ workload }) => selects(service, workload));
  const ports = service.ports.flatMap((one) => {
    if (one.protocol !== "TCP") return [];
    const led = selected.filter(
      ({ workload, upstreamPort }) => resolveTarget(one, workload) === upstreamPort,
    );
    const [first] = led;
    if (first === undefined) return [];
    const span = startOf(read(service.tree, service.root, "spec", "ports") ?? service.root);
    const other = led.find(({ port }) => port !== first.port);
    if (other !== undefined)
      refuse(
        service,
        span,
        `leads to ${first.workload.title} and ${other.workload.title}, whose headgates have ports ${first.port} and ${other.port}; give --port`,
      );
    const without = bystanders.find(
      (workload) =>
        selects(service, workload) &&
        !workload.hasHeadgate &&
        resolveTarget(one, workload) !== undefined &&
        workload.ports.some(({ number }) => number === resolveTarget(one, workload)),
    );
    if (without !== undefined)
      refuse(service, span, `leads to ${without.title} too, which gets no headgate`);
    return [{ index: one.index, target: first.port }];
  });
  return { service, ports };
}

function editService({ service, ports }: Aim): readonly Edit[] {
  if (ports.length === 0) return [];
  assertNoTemplate(service);
  const spec = descend(service, service.root, "spec");
  const entry = findOwnEntry(service, spec, "ports");
  const list = entry?.value;
  if (entry === undefined || list?.kind !== "seq")
    return refuse(service, startOf(spec), "has no list of ports of its own");
  const { text } = service.file;
  const [root = service.root] = service.path;
  if (root.kind !== "map") throw new Error("a Service is in a mapping");
  const surroundings = { root, parent: service.root, map: spec, entry };
  const page = { text, layout: layoutOf(text, surroundings) };
  const named = ports.map(({ index, target }) => {
    const node = list.items[index];
    const { port = 0, protocol = "TCP" } = service.ports[index] ?? {};
    return toPortEdit(service, page, { node, ref: `port:${port}/${protocol}`, target });
  });
  return [...named.map(({ edit }) => edit), toRecordEdit(page, service, named)];
}

function toPortEdit(
  service: Service,
  page: Page,
  {
    node,
    ref,
    target,
  }: { readonly node: TreeNode | undefined; readonly ref: string; readonly target: number },
): NamedEdit {
  if (node === undefined) throw new Error("a port has a place in its list");
  assertOwn(service, node);
  if (node.kind !== "map") return refuse(service, node, "is no mapping");
  const entry = findOwnEntry(service, node, "targetPort");
  const number = String(target);
  if (entry === undefined) {
    const edit = appendEntry(page, node, { key: "targetPort", value: target });
    return { ref, before: edit.insert.lastIndexOf(number), edit };
  }
  const { value } = entry;
  if (value.kind !== "scalar" || value.hasTag) {
    return refuse(service, startOf(value), "targetPort is no plain value");
  }
  const edit =
    isEmpty(value) && value.start === value.end
      ? { at: value.start, length: 0, insert: ` ${number}` }
      : { at: value.start, length: value.end - value.start, insert: number };
  return { ref, before: edit.insert.length - number.length, edit };
}

function describeWorkload({ workload, port, upstreamPort }: Planned): string {
  const { file, title } = workload;
  return `${file.name}: ${title}: headgate on port ${port} forwards to port ${upstreamPort}`;
}

function describeService({ service, ports }: Aim): readonly string[] {
  return ports.map(({ index, target }) => {
    const one = service.ports[index];
    return `${service.file.name}: ${service.title}: port ${one?.port} leads to ${target} instead of ${one?.target}`;
  });
}

function nextSteps(
  objects: readonly KubernetesObject[],
  services: readonly Service[],
  planned: readonly Planned[],
  options: InjectOptions,
): readonly string[] {
  const perWorkload = planned.flatMap(({ workload, port, upstreamPort, adminPort }) => {
    const { title, kind, usesHostNetwork } = workload;
    const own = services.filter((service) => selects(service, workload));
    const leads = own.some((service) =>
      service.ports.some((one) => resolveTarget(one, workload) === upstreamPort),
    );
    const headless = own.find(({ isHeadless }) => isHeadless);
    return [
      ...(leads || FINITE.has(kind)
        ? []
        : [
            `${title}: no Service in the input leads to port ${upstreamPort}; set targetPort: ${port} in the one that does`,
          ]),
      ...(headless === undefined
        ? []
        : [
            `${headless.title} has no cluster IP, so its clients connect to the pods themselves; let them use port ${port}`,
          ]),
      ...workload.ports.flatMap(({ number, hostPort }) =>
        number === upstreamPort && hostPort !== undefined && !usesHostNetwork
          ? [`${title}: its hostPort ${hostPort} leads to the app without headgate`]
          : [],
      ),
      ...(usesHostNetwork
        ? [
            `${title} uses the node's network; ports ${port} and ${adminPort} must be free on every node`,
          ]
        : []),
    ];
  });
  const policies = objects
    .filter(({ kind }) => kind === "NetworkPolicy")
    .map(({ title }) => `${title}: allow headgate's ports as well, if it applies to these pods`);
  const waits =
    planned.some(({ workload }) => !FINITE.has(workload.kind)) && options.isNative
      ? [
          'the app\'s container should wait before it ends, so that no request is lost: docs/kubernetes.md, "Start and end"',
        ]
      : [];
  return [...perWorkload, ...(planned.length === 0 ? [] : [...policies, ...waits])];
}
