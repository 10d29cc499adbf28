/**
 * Runs an app and headgate as the containers of a pod: processes in a network of their own, where every port is free and 127.0.0.1 is
 * shared. headgate starts with what a manifest or a Compose file says: its arguments, its variables alone, and its files in /etc.
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";

import { type Fields, type Manifest, headgateOf, only, podOf } from "./manifests.ts";
import { enterNetwork, inNamespace } from "./namespace.ts";
import { inNetwork } from "./network.ts";
import {
  BUNDLE,
  type Backend,
  type Headgate,
  type Network,
  type Ran,
  runAny,
  runClient,
  superviseHeadgate,
  toServerAddress,
} from "./real.ts";
import type { Cleanup } from "./wire.ts";

/** The variable that the image sets (a test compares it with the Dockerfile). */
export const IMAGE_VARIABLES: Readonly<Record<string, string>> = {
  HEADGATE_ADMIN_DEFAULT: "0.0.0.0:9090",
};

/** The network of a pod. */
export interface Pod extends Network {
  /** Runs a client in it that must succeed, and returns its standard output. */
  run(...command: readonly [string, ...string[]]): Promise<string>;
  /** Runs `headgate …args` in it, with any exit code. */
  headgate(args: readonly string[], cwd?: string): Promise<Ran>;
}

/** Creates a pod without containers. Undefined if this machine allows no namespaces; the test is then marked as skipped. */
export async function createPod(t: TestContext): Promise<Pod | undefined> {
  const through = inNetwork(t, {});
  if (through === undefined) return undefined;
  const [name, ...args] = [...through, "sh", "-c", "echo up && exec sleep infinity"];
  const pause = spawn(name, args, { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => void pause.kill("SIGKILL"));
  await Promise.race([
    once(pause.stdout, "data"),
    once(pause, "close").then(() => assert.fail("the pod's network did not come up")),
  ]);
  const pid = pause.pid ?? 0;
  const enter = enterNetwork(pid);
  const [nsenter = "", ...into] = enter;
  return {
    enter,
    accepts: ({ host, port }) => Promise.resolve(isListening(pid, host, port)),
    run: (...command) => runClient([nsenter, ...into, ...command]),
    headgate: (given, cwd) =>
      runAny(
        [nsenter, ...into, process.execPath, BUNDLE, ...given],
        cwd === undefined ? {} : { cwd },
      ),
  };
}

/** Reads the table of proc(5), net/tcp: addresses are bytes in hexadecimal, the last one first, and 0A is LISTEN. */
function isListening(pid: number, host: string, port: number): boolean {
  const bytes = host.split(".").toReversed();
  const hex = (value: number, digits: number): string =>
    value.toString(16).toUpperCase().padStart(digits, "0");
  const local = `${bytes.map((byte) => hex(Number(byte), 2)).join("")}:${hex(port, 4)}`;
  return readFileSync(`/proc/${pid}/net/tcp`, "utf8")
    .split("\n")
    .some((line) => line.includes(` ${local} 00000000:0000 0A `));
}

/** What one container of headgate starts with. */
interface Container {
  readonly args: readonly string[];
  readonly variables: Readonly<Record<string, string>>;
  /** The addresses of names in its hosts file. */
  readonly hosts?: Readonly<Record<string, string>>;
  /** Fills the container's /etc/headgate. */
  readonly mount?: (folder: string) => void;
}

/** Starts the headgate of an injected manifest, and probes it as the kubelet does: first its start, then the others. */
export async function startInjected(
  t: Cleanup,
  pod: Pod,
  objects: readonly Manifest[],
): Promise<Headgate> {
  const workload = objects.find((object) => podOf(object) !== undefined) ?? assert.fail("no pod");
  const { args, env, ports, volumeMounts, ...probes } = headgateOf(workload);
  const numbers = ports.map(({ containerPort }: Fields) => containerPort);
  const mount = volumeMounts === undefined ? {} : { mount: toMount(workload, objects) };
  const variables = Object.fromEntries(env.map(({ name, value }: Fields) => [name, value]));
  const headgate = await startContainer(t, pod, { args, variables, ...mount }, numbers[0]);
  for (const name of ["startupProbe", "readinessProbe", "livenessProbe"]) {
    const { failureThreshold, periodSeconds, httpGet } = probes[name];
    assert.ok(numbers.includes(httpGet.port));
    const patience = ["--retry", failureThreshold, "--retry-delay", periodSeconds].map(String);
    const url = `http://127.0.0.1:${httpGet.port}${httpGet.path}`;
    await pod.run("curl", "-sSf", ...patience, "--retry-all-errors", url);
  }
  return headgate;
}

/** The files of the ConfigMap that headgate's volume names. */
function toMount(workload: Manifest, objects: readonly Manifest[]): (folder: string) => void {
  const [mount] = headgateOf(workload)["volumeMounts"];
  assert.equal(mount.mountPath, "/etc/headgate");
  const volume = podOf(workload)?.["volumes"].find(({ name }: Fields) => name === mount.name);
  const { data } = only(objects, "ConfigMap", volume.configMap.name) as Fields;
  return (folder) => {
    for (const [name, text] of Object.entries(data as Record<string, string>))
      writeFileSync(join(folder, name), text);
  };
}

/** Starts the service headgate of a Compose file, which is in `folder`. The names of the other services have the addresses of `hosts`. */
export async function startComposed(
  t: Cleanup,
  pod: Pod,
  { environment, volumes = [], ports }: Fields,
  { folder, hosts }: { readonly folder: string; readonly hosts: Readonly<Record<string, string>> },
): Promise<Headgate> {
  const [from] = volumes.map((text: string) => /^(\S+):\/etc\/headgate:ro$/.exec(text)?.[1]);
  const mount =
    from === undefined
      ? {}
      : { mount: (place: string) => cpSync(join(folder, from), place, { recursive: true }) };
  const [, port] = /:(\d+)$/.exec(ports[0]) ?? assert.fail("no published port");
  const variables = { ...IMAGE_VARIABLES, ...environment };
  return startContainer(t, pod, { args: ["run"], variables, hosts, ...mount }, Number(port));
}

function startContainer(
  t: Cleanup,
  pod: Pod,
  { args, variables, hosts = {}, mount }: Container,
  port: number,
): Promise<Headgate> {
  return superviseHeadgate(t, (folder): Backend => {
    const own = join(folder, "headgate");
    mkdirSync(own);
    mount?.(own);
    const names = Object.entries(hosts).map(([name, address]) => `${address} ${name}\n`);
    writeFileSync(join(folder, "hosts"), `127.0.0.1 localhost\n${names.join("")}`);
    const inside = inNamespace("mount", `mount --bind '${folder}' /etc`);
    const settings = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
    const [program = "", ...rest] = [...inside, "env", "-i", ...settings];
    const address = toServerAddress("0.0.0.0", port);
    return {
      command: [program, ...rest, process.execPath, BUNDLE, ...args],
      address,
      network: pod,
    };
  });
}
