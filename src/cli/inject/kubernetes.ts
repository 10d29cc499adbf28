/** The changes to Kubernetes manifests: pods get the container, and Services lead to it. */

import { applyEdits } from "./edits.ts";
import { describeService, describeWorkload, nextSteps } from "./next-steps.ts";
import { findObjects, toService } from "./objects.ts";
import type { InjectOptions, Outcome } from "./options.ts";
import { addConfigMaps, assertNoConfigMap, editWorkload } from "./pods.ts";
import { assertReversible } from "./reversible.ts";
import { type Planned, planWorkloads } from "./selection.ts";
import { aimService, editService } from "./services.ts";
import { type SourceFile, forEach } from "./source.ts";
import { restoreKubernetes } from "./undo.ts";

/** Adds headgate to manifests that do not have it. Throws a ConfigError for input that it does not understand. */
export function injectKubernetes(files: readonly SourceFile[], options: InjectOptions): Outcome {
  const objects = files.flatMap((file) => findObjects(file));
  const services = forEach(objects, toService).filter((service) => service !== undefined);
  const { planned, skipped, bystanders } = planWorkloads(objects, services, options);
  const aims = forEach(services, (service) => aimService(service, planned, bystanders));
  if (options.routeFile !== undefined) assertNoConfigMap(objects, planned);
  // Workloads with the same name, such as a Deployment and a CronJob, share a ConfigMap.
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
  for (const [index, file] of files.entries())
    assertReversible(file, changed[index] ?? file, restoreKubernetes);
  return {
    files: changed,
    done: [
      ...planned.map((one) => describeWorkload(one, options)),
      ...aims.flatMap((aim) => describeService(aim)),
    ],
    skipped,
    next: nextSteps(objects, services, planned, options),
    isThereAlready: bystanders.some(({ hasHeadgate }) => hasHeadgate),
  };
}

function isNamesake({ workload: one }: Planned, { workload: other }: Planned): boolean {
  return one.name === other.name && one.namespace === other.namespace;
}
