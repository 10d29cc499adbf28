/** Selects the workloads that get headgate, and their ports. */

import { ConfigError, createDiagnostic } from "../../config/diagnostic.ts";
import {
  FINITE,
  type KubernetesObject,
  type Service,
  type Workload,
  isWorkload,
  toWorkload,
} from "./objects.ts";
import type { InjectOptions } from "./options.ts";
import { chooseUpstreamPort, freePort } from "./ports.ts";
import { MIN_PORT } from "./settings.ts";
import { Refusal, forEach, read, readText, refuse, startOf } from "./source.ts";

/** A workload with its ports. */
export interface Planned {
  readonly workload: Workload;
  readonly port: number;
  readonly adminPort: number;
  readonly upstreamPort: number;
}

/** The selected workloads. */
export interface Selection {
  readonly planned: readonly Planned[];
  readonly skipped: readonly string[];
  /** Workloads that do not get headgate. */
  readonly bystanders: readonly Workload[];
}

const SKIP_LABEL = "headgate.dev/skip";

/** Selects the workloads. Throws a ConfigError if an app's port is unclear. */
export function planWorkloads(
  objects: readonly KubernetesObject[],
  services: readonly Service[],
  options: InjectOptions,
): Selection {
  const { only } = options;
  const candidates = objects.filter((object) => isWorkload(object));
  for (const name of only)
    if (!candidates.some((object) => object.name === name))
      throw new ConfigError([createDiagnostic("--only", `the input has no workload ${name}`)]);
  const isChosen = ({ name }: KubernetesObject) => only.size === 0 || only.has(name);
  const others = candidates.filter((object) => !isChosen(object)).flatMap(toWorkloadIfUnderstood);
  const chosen = forEach(
    candidates.filter((object) => isChosen(object)),
    toWorkload,
  );
  const skipped: string[] = [];
  const skip = ({ file, title }: Workload, reason: string): [] => {
    skipped.push(`${file.name}: ${title}: ${reason}`);
    return [];
  };
  const wanted = chosen.flatMap((workload) => {
    if (workload.hasHeadgate) return skip(workload, "has a container named headgate already");
    if (workload.isForWindows)
      return skip(workload, "is for Windows, and headgate's image is for Linux");
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
  const changed = new Set(planned.map(({ workload }) => workload));
  const bystanders = [...others, ...chosen].filter((one) => !changed.has(one));
  return { planned, skipped, bystanders };
}

/** A workload that the operator did not select need not be understood. */
function toWorkloadIfUnderstood(object: KubernetesObject): readonly Workload[] {
  try {
    return [toWorkload(object)];
  } catch (error) {
    if (error instanceof Refusal) return [];
    throw error;
  }
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
  const { port: wanted = FIRST_PORT } = options;
  if (wanted < MIN_PORT && settings.get("securityContext.runAsUser") !== 0)
    refuse(
      workload,
      startOf(workload.pod),
      `port ${wanted} needs root, which headgate is not; choose one from ${MIN_PORT} on`,
    );
  const taken = new Set([...workload.ports.map(({ number }) => number), upstreamPort]);
  const port = options.port ?? freePort(FIRST_PORT, taken);
  const others = new Set([...taken, port]);
  const given = settings.get("ports.admin");
  const adminPort = given === undefined ? freePort(FIRST_ADMIN_PORT, others) : Number(given);
  const conflict = taken.has(port) ? port : others.has(adminPort) ? adminPort : undefined;
  if (conflict !== undefined)
    refuse(
      workload,
      startOf(workload.pod),
      `port ${conflict} is used in this pod already, and its containers share their ports; choose another one`,
    );
  return { workload, port, adminPort, upstreamPort };
}
