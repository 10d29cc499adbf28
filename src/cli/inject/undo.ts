/** Removes what an object's annotation records, if the inserted text is unchanged. */

import type { TreeNode } from "../../config/yaml/tree.ts";
import { applyEdits, type Edit } from "./edits.ts";
import { NAME } from "./container.ts";
import { type KubernetesObject, findObjects, isWorkload, podPathOf } from "./objects.ts";
import { ANNOTATION, type InjectionRecord, hashOf, parseRecord } from "./record.ts";
import { type InputFile, type SourceFile, read, readItems, readText, refuse } from "./source.ts";

/** Removes what inject wrote into a file. Throws a Refusal if the inserted text was changed since. */
export function restoreKubernetes(file: SourceFile): InputFile {
  const edits = findObjects(file).flatMap((object) => {
    const { tree, root } = object;
    const node = read(tree, root, "metadata", "annotations", ANNOTATION);
    return node === undefined ? [] : toEdits(file, object, node);
  });
  return { name: file.name, text: applyEdits(file.text, edits) };
}

function toEdits({ text }: SourceFile, object: KubernetesObject, node: TreeNode): readonly Edit[] {
  const record = node.kind === "scalar" ? parseRecord(String(node.value)) : undefined;
  if (record === undefined) return refuse(object, node, `${ANNOTATION} is not as inject wrote it`);
  const edits = record.changes.map(({ ref, before, length, hash, removed }) => {
    const found = findNode(object, ref);
    if (found === undefined) return refuse(object, node, `the ${ref} that inject wrote is gone`);
    const at = found.start - before;
    if (hashOf(text.slice(Math.max(0, at), at + length)) !== hash)
      return refuse(object, { start: found.start, end: found.start + 1 }, CHANGED);
    return { at, length, insert: removed };
  });
  return [...edits, ownEdit(text, { object, node, record })];
}

/** The reason why an inserted text is not removed. */
export const CHANGED = "is not as inject wrote it any more; undo that change, or remove it by hand";

function ownEdit(
  text: string,
  { object, node, record }: { object: KubernetesObject; node: TreeNode; record: InjectionRecord },
): Edit {
  const { before, after, hash, removed } = record.own;
  const at = node.start - before;
  const around = text.slice(Math.max(0, at), node.start) + text.slice(node.end, node.end + after);
  if (hashOf(around) !== hash) return refuse(object, node, CHANGED);
  return { at, length: node.end + after - at, insert: removed };
}

function findNode(object: KubernetesObject, ref: string): TreeNode | undefined {
  const { tree, root } = object;
  const pod = isWorkload(object) ? read(tree, root, ...podPathOf(object)) : undefined;
  const isHeadgate = (node: TreeNode) => readText(tree, node, "name") === NAME;
  if (ref === "volume") return readItems(tree, pod, "volumes").find(isHeadgate);
  if (ref === "container")
    return [...readItems(tree, pod, "initContainers"), ...readItems(tree, pod, "containers")].find(
      isHeadgate,
    );
  const [, number, protocol] = /^port:(\d+)\/(\w+)$/.exec(ref) ?? [];
  const port = readItems(tree, root, "spec", "ports").find(
    (one) =>
      readText(tree, one, "port") === number &&
      (readText(tree, one, "protocol") ?? "TCP") === protocol,
  );
  return read(tree, port, "targetPort");
}
