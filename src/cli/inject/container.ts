/** headgate's container for a pod, as the chart renders it (helm/headgate/templates/_container.tpl; a test compares the two). */

import type { Value } from "./render.ts";
import type { Setting, Settings } from "./settings.ts";

/** The name of the container and of its volume. */
export const NAME = "headgate";

/** The options in which containers differ. */
export interface ContainerOptions {
  readonly image: string;
  readonly isNative: boolean;
  readonly port: number;
  readonly adminPort: number;
  /** Undefined if the route file names the upstream. */
  readonly upstream: string | undefined;
  /** The ConfigMap with the route file. */
  readonly configMap: string | undefined;
  readonly settings: Settings;
}

interface Fields {
  readonly [key: string]: Value | undefined;
}

/** Builds the container's fields. */
export function toContainer(options: ContainerOptions): Fields {
  const { image, isNative, port, adminPort, configMap, settings } = options;
  const delay = isNative ? 0 : Number(settings.get("shutdown.delaySeconds") ?? 0);
  return {
    name: NAME,
    image,
    imagePullPolicy: settings.get("image.pullPolicy"),
    restartPolicy: isNative ? "Always" : undefined,
    args: ["run"],
    env: toEnvironment(options),
    ports: [
      { name: "headgate", containerPort: port, protocol: "TCP" },
      { name: "headgate-admin", containerPort: adminPort, protocol: "TCP" },
    ],
    startupProbe: toProbe("/readyz", adminPort, section(settings, "startupProbe")),
    readinessProbe: toProbe("/readyz", adminPort, section(settings, "readinessProbe")),
    livenessProbe: toProbe("/livez", adminPort, section(settings, "livenessProbe")),
    lifecycle: delay === 0 ? undefined : { preStop: { sleep: { seconds: delay } } },
    resources: unlessEmpty({
      requests: unlessEmpty(section(settings, "resources.requests")),
      limits: unlessEmpty(section(settings, "resources.limits")),
    }),
    securityContext: {
      ...section(settings, "securityContext"),
      capabilities: { drop: ["ALL"] },
      seccompProfile: { type: "RuntimeDefault" },
    },
    terminationMessagePolicy: "FallbackToLogsOnError",
    volumeMounts:
      configMap === undefined
        ? undefined
        : [{ name: NAME, mountPath: "/etc/headgate", readOnly: true }],
  };
}

/** Builds the volume that the container mounts. */
export function toVolume(configMap: string): Fields {
  return { name: NAME, configMap: { name: configMap } };
}

function toEnvironment({
  port,
  adminPort,
  upstream,
  configMap,
  settings,
}: ContainerOptions): readonly Value[] {
  const host = String(settings.get("bindAddress"));
  const file = configMap === undefined ? undefined : "/etc/headgate/headgate.yaml";
  const variables: readonly (readonly [string, Setting])[] = [
    ["HEADGATE_CONFIG", file],
    ["HEADGATE_LISTEN", `${host}:${port}`],
    ["HEADGATE_ADMIN", `${host}:${adminPort}`],
    ["HEADGATE_UPSTREAM", upstream],
    ...Object.entries(section(settings, "env")),
  ];
  return variables.flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }]));
}

function toProbe(path: string, port: number, timing: Fields): Fields {
  return { httpGet: { path, port }, ...timing };
}

/** The settings directly below a path. */
function section(settings: Settings, path: string): Readonly<Record<string, Setting>> {
  const prefix = `${path}.`;
  return Object.fromEntries(
    [...settings].flatMap(([key, value]) =>
      key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : [],
    ),
  );
}

function unlessEmpty(fields: Fields): Fields | undefined {
  return Object.values(fields).some((value) => value !== undefined) ? fields : undefined;
}
