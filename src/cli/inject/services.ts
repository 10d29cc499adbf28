/** The edits that make Services lead to headgate. */

import type { TreeNode } from "../../config/yaml/tree.ts";
import { type NamedEdit, isEmpty, toRecordEdit } from "./changes.ts";
import type { Edit } from "./edits.ts";
import { type Page, appendEntry, layoutOf } from "./insertions.ts";
import { type Service, type Workload, resolveTarget, selects } from "./objects.ts";
import type { Planned } from "./selection.ts";
import {
  assertNoTemplate,
  assertOwn,
  descend,
  findOwnEntry,
  read,
  refuse,
  startOf,
} from "./source.ts";

/** A Service with those of its ports that lead to apps with headgate. */
export interface Aim {
  readonly service: Service;
  readonly ports: readonly { readonly index: number; readonly target: number }[];
}

/** Finds these ports. Throws a Refusal for a Service that also leads to a pod without headgate. */
export function aimService(
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

/** The edits of a Service. Throws a Refusal. */
export function editService({ service, ports }: Aim): readonly Edit[] {
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
