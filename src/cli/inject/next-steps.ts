/** Messages of inject: what it changed, and what the operator has to check or do. */

import { formatUrl } from "../../config/address.ts";
import { describeTarget, findFileUpstream, missesPort } from "./file-upstream.ts";
import { FINITE, type KubernetesObject, type Service, resolveTarget, selects } from "./objects.ts";
import type { InjectOptions } from "./options.ts";
import type { Planned } from "./selection.ts";
import type { Aim } from "./services.ts";
import { DEFAULTS } from "./settings.ts";

/** The line for a workload that got headgate. */
export function describeWorkload(
  { workload, port, adminPort, upstreamPort }: Planned,
  options: InjectOptions,
): string {
  const { file, title } = workload;
  const target = describeTarget(findFileUpstream(options), upstreamPort);
  const admin = adminPort === DEFAULTS.get("ports.admin") ? "" : ` (admin port ${adminPort})`;
  return `${file.name}: ${title}: headgate on port ${port}${admin} forwards to ${target}`;
}

/** A line for each port of a Service that now leads to headgate. */
export function describeService({ service, ports }: Aim): readonly string[] {
  return ports.map(({ index, target }) => {
    const one = service.ports[index];
    return `${service.file.name}: ${service.title}: port ${one?.port} leads to ${target} instead of ${one?.target}`;
  });
}

/** The steps that are left to the operator. */
export function nextSteps(
  objects: readonly KubernetesObject[],
  services: readonly Service[],
  planned: readonly Planned[],
  options: InjectOptions,
): readonly string[] {
  const upstream = findFileUpstream(options);
  const perWorkload = planned.flatMap(({ workload, port, upstreamPort, adminPort }) => {
    const { title, kind, usesHostNetwork } = workload;
    const own = services.filter((service) => selects(service, workload));
    const leads = own.some((service) =>
      service.ports.some((one) => resolveTarget(one, workload) === upstreamPort),
    );
    const headless = own.find(({ isHeadless }) => isHeadless);
    return [
      ...(upstream !== undefined && missesPort(upstream, upstreamPort)
        ? [
            `${title}: its port is ${upstreamPort}; --upstream-port ${upstreamPort} overrides the route file's upstream, ${formatUrl(upstream)}`,
          ]
        : []),
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
