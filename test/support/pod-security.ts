/** The restricted Pod Security Standard (kubernetes.io, pod-security-standards), as far as a manifest can violate it. */

import { type Fields, type Manifest, podOf } from "./manifests.ts";

// The volumes that the restricted level allows: all but those of the node.
const VOLUMES = new Set([
  "configMap",
  "csi",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "persistentVolumeClaim",
  "projected",
  "secret",
]);

/** One sentence for each rule that the manifest's pod violates; none for a manifest without a pod. */
export function securityViolations(manifest: Manifest): readonly string[] {
  const pod = podOf(manifest);
  if (pod === undefined) return [];
  const name = `${manifest.kind} ${manifest.metadata["name"]}`;
  const containers: readonly Fields[] = [
    ...(pod["initContainers"] ?? []),
    ...(pod["containers"] ?? []),
  ];
  const broken = [
    ...podViolations(pod),
    ...containers.flatMap((one) => containerViolations(one, pod["securityContext"] ?? {})),
  ];
  return broken.map((what) => `${name}: ${what}`);
}

function podViolations(pod: Fields): readonly string[] {
  const kinds = (pod["volumes"] ?? []).flatMap((volume: Fields) =>
    Object.keys(volume).filter((key) => key !== "name"),
  );
  return [
    ...["hostNetwork", "hostPID", "hostIPC"].filter((key) => pod[key] === true),
    ...kinds
      .filter((kind: string) => !VOLUMES.has(kind))
      .map((kind: string) => `has a volume of kind ${kind}`),
  ];
}

function containerViolations(container: Fields, pod: Fields): readonly string[] {
  const own = container["securityContext"] ?? {};
  const user = own.runAsUser ?? pod["runAsUser"];
  const rules: readonly (readonly [boolean, string])[] = [
    [(own.runAsNonRoot ?? pod["runAsNonRoot"]) === true, "runAsNonRoot is not true"],
    [user === undefined || user > 0, "runs as root"],
    [own.allowPrivilegeEscalation === false, "allowPrivilegeEscalation is not false"],
    [own.privileged !== true, "is privileged"],
    [(own.capabilities?.drop ?? []).includes("ALL"), "does not drop all capabilities"],
    [
      (own.capabilities?.add ?? []).every((one: string) => one === "NET_BIND_SERVICE"),
      "adds capabilities",
    ],
    [
      ["RuntimeDefault", "Localhost"].includes((own.seccompProfile ?? pod["seccompProfile"])?.type),
      "has no seccomp profile",
    ],
    [
      (container["ports"] ?? []).every((port: Fields) => port["hostPort"] === undefined),
      "takes a port of its host",
    ],
    // The standard does not require it, but headgate promises it.
    [own.readOnlyRootFilesystem === true, "can write to its root file system"],
  ];
  return rules.filter(([holds]) => !holds).map(([, what]) => `${container["name"]} ${what}`);
}
