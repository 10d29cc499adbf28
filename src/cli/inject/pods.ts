/** The edits that add the container, its volume and its ConfigMap to a pod. */

import { BLANK, type NamedEdit, fillRecord, isEmpty, toRecordEdit } from "./changes.ts";
import { NAME, toContainer, toVolume } from "./container.ts";
import type { Edit } from "./edits.ts";
import { findFileUpstream } from "./file-upstream.ts";
import {
  type Page,
  appendEntry,
  appendItem,
  fillEntry,
  isBlockEnd,
  layoutOf,
  prependEntry,
} from "./insertions.ts";
import type { KubernetesObject, Workload } from "./objects.ts";
import type { InjectOptions } from "./options.ts";
import { ANNOTATION } from "./record.ts";
import { type Value, renderMap } from "./render.ts";
import type { Planned } from "./selection.ts";
import {
  type SourceFile,
  findEntry,
  findOwnEntry,
  forEach,
  readText,
  refuse,
  startOf,
} from "./source.ts";

function pageOf({ file, pod, template, path }: Workload): Page {
  const containers = findEntry(pod, "containers");
  const [root] = path;
  if (containers === undefined || root?.kind !== "map") throw new Error("a pod has containers");
  return {
    text: file.text,
    layout: layoutOf(file.text, { root, parent: template, map: pod, entry: containers }),
  };
}

/** The edits of an object that has pods. Throws a Refusal. */
export function editWorkload(planned: Planned, options: InjectOptions): readonly Edit[] {
  const { workload, port, adminPort, upstreamPort } = planned;
  const { pod } = workload;
  const { image, isNative, settings } = options;
  const containers = findOwnEntry(workload, pod, "containers");
  if (containers === undefined)
    return refuse(workload, startOf(pod), "has no containers of its own");
  const page = pageOf(workload);
  const configMap = configMapOf(workload, options);
  const isInFile = findFileUpstream(options) !== undefined;
  const upstream = isInFile ? undefined : `http://127.0.0.1:${upstreamPort}`;
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

/** Adds an item at the end of a list of the pod, and adds the list if it does not exist yet. */
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
  // The item begins after its dash, or with its brace.
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

/** Adds one ConfigMap per workload: beside the workload in its List, or as a document at the end of its file. */
export function addConfigMaps(
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

/** Refuses a ConfigMap in the input that has the name of a new one. */
export function assertNoConfigMap(
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
