/**
 * Runs real containers on a machine without Docker: buildah builds, podman with runc runs. All files are in one temporary folder, so
 * that the machine's own containers are not affected.
 *
 * The base images are not pulled. Local images take their names: the build image has the machine's own /usr, and the run image has a
 * node with its libraries at distroless's path.
 */

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { root } from "./manifests.ts";
import { PYTHON, hasModules } from "./real.ts";

const BUILD_IMAGE = "localhost/build-image";
const RUN_IMAGE = "localhost/run-image";
const IMAGE = "localhost/headgate:test";

/** The container engine of one test file. */
export interface Engine {
  readonly image: string;
  /** An empty image: its /usr is the machine's. */
  readonly machine: readonly string[];
  /** Runs podman and returns its output; if podman fails, the test fails. */
  podman(...args: readonly string[]): string;
  /** Runs podman in the background; resolves with the exit code. */
  start(...args: readonly string[]): Promise<number | null>;
  /** The address of a container in the test's network. */
  addressOf(container: string): string;
  readonly network: string;
  /** A program that runs podman with this engine's settings, for podman-compose. */
  readonly program: string;
  close(): void;
}

/** Why container tests are skipped here; false if they run. For `skip` of node:test. */
export function containersMissing(): string | false {
  const tools = ["buildah", "podman", "runc"].filter(
    (tool) => spawnSync(tool, ["--version"]).status !== 0,
  );
  if (tools.length > 0)
    return `LEFT OUT: ${tools.join(", ")} not installed (apt-get install buildah podman runc)`;
  if (process.getuid?.() !== 0) return "LEFT OUT: containers with limits need root";
  if (!hasModules(PYTHON, ["fastapi", "uvicorn"]))
    return "LEFT OUT: no uvicorn for the app's container (apt-get install python3-fastapi python3-uvicorn)";
  return false;
}

let compose: string | false | undefined;

/** Why compose tests are skipped here; false if they run. */
export function composeMissing(): string | false {
  compose ??=
    spawnSync("podman-compose", ["--version"]).status !== 0 &&
    "LEFT OUT: podman-compose is not installed";
  return compose;
}

/** Why tests with names in a container network are skipped here; false if they run. */
export function namesMissing(): string | false {
  const hasNames = existsSync("/usr/lib/cni/dnsname") || existsSync("/usr/lib/podman/aardvark-dns");
  return hasNames
    ? false
    : "LEFT OUT: no names in container networks (golang-github-containernetworking-plugin-dnsname dnsmasq-base)";
}

/** Builds headgate's image from the unchanged Dockerfile. This takes about ten seconds, most of them for `npm ci`. */
export function createEngine(): Engine {
  const folder = mkdtempSync(join(tmpdir(), "headgate-containers-"));
  const settings = { ...process.env, CONTAINERS_CONF: writeSettings(folder) };
  const driver = findDriver(folder, settings);
  const env = { ...settings, STORAGE_DRIVER: driver };
  const storage = ["--root", join(folder, "storage"), "--runroot", join(folder, "run")];
  const networks = join(folder, "networks");
  mkdirSync(networks);
  const podmanArgs = [...storage, "--network-config-dir", networks];
  const exec = (command: string, args: readonly string[], cwd = root): string => {
    const { status, stdout, stderr, error } = spawnSync(command, args, {
      env,
      cwd,
      encoding: "utf8",
    });
    assert.equal(status, 0, `${command} ${args.join(" ")}\n${error?.message ?? stderr}`);
    return stdout.trim();
  };
  const build = (tag: string, context: string, ...args: readonly string[]): void =>
    void exec("buildah", [
      ...storage,
      "bud",
      "--isolation",
      "chroot",
      "--pull-never",
      "--format",
      "docker",
      ...args,
      "-t",
      tag,
      context,
    ]);
  const podman = (...args: readonly string[]): string => exec("podman", [...podmanArgs, ...args]);
  const network = `headgate-${folder.slice(-6).toLowerCase()}`;

  const program = join(folder, "podman");
  const words = [
    `CONTAINERS_CONF=${env.CONTAINERS_CONF}`,
    `STORAGE_DRIVER=${driver}`,
    "podman",
    ...podmanArgs,
  ];
  writeFileSync(program, `#!/bin/sh\nexec env ${words.join(" ")} "$@"\n`, { mode: 0o755 });

  const node = findNode();
  build(BUILD_IMAGE, writeBuildImage(folder));
  build(RUN_IMAGE, writeRunImage(folder, node));
  const images = [
    "--build-arg",
    `BUILD_IMAGE=${BUILD_IMAGE}`,
    "--build-arg",
    `RUN_IMAGE=${RUN_IMAGE}`,
  ];
  // Node 20 does not know the flag of the image, and does not start with it.
  const heap = knowsPercentage(node) ? [] : ["--build-arg", "HEAP=--max-old-space-size=64"];
  const modules = createModulesFolder();
  build(
    IMAGE,
    root,
    "--network",
    "host",
    ...machineMounts(),
    ...modules.mount,
    ...images,
    ...heap,
    "--build-arg",
    "VERSION=0.0.0-test",
  );
  modules.remove();
  podman("network", "create", network);

  return {
    image: IMAGE,
    machine: ["-v", "/usr:/usr:ro", BUILD_IMAGE],
    podman,
    network,
    program,
    start(...args) {
      const child = spawn("podman", [...podmanArgs, ...args], { env, stdio: "ignore" });
      return new Promise((resolve) => child.once("exit", resolve));
    },
    addressOf: (container) =>
      podman(
        "inspect",
        container,
        "--format",
        `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`,
      ),
    close() {
      spawnSync("podman", [...podmanArgs, "rm", "--all", "--force", "--time", "0"], { env });
      // podman-compose does not remove its networks, and each of them keeps a bridge of the machine.
      const networksLeft = spawnSync("podman", [...podmanArgs, "network", "ls", "--quiet"], {
        env,
        encoding: "utf8",
      }).stdout.split("\n");
      const created = networksLeft.filter((name) => name !== "" && name !== "podman");
      spawnSync("podman", [...podmanArgs, "network", "rm", "--force", ...created], { env });
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

// runc, because crun does not run on a machine with both kinds of cgroups; no systemd, and no limits above the machine's own.
function writeSettings(folder: string): string {
  const path = join(folder, "containers.conf");
  const limits = 'default_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]';
  const engine = 'runtime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"';
  writeFileSync(path, `[containers]\n${limits}\n[engine]\n${engine}\n`);
  return path;
}

/** Overlay where the machine can mount it. vfs copies all files of an image for each layer: five seconds of CPU. */
function findDriver(folder: string, env: NodeJS.ProcessEnv): "overlay" | "vfs" {
  const places = ["--root", join(folder, "probe"), "--runroot", join(folder, "probe-run")];
  const { status } = spawnSync("podman", ["--storage-driver=overlay", ...places, "info"], { env });
  return status === 0 ? "overlay" : "vfs";
}

const MEMORY = "/dev/shm";
/** More than node_modules occupies. */
const MODULES_BYTES = 1024 ** 3;

/** A folder in memory for what `npm ci` installs: 16,000 files on a disk cost ten seconds of CPU, and only the build reads them. */
function createModulesFolder() {
  const { bavail, bsize } = existsSync(MEMORY) ? statfsSync(MEMORY) : { bavail: 0, bsize: 0 };
  if (bavail * bsize < MODULES_BYTES) return { mount: [], remove: () => {} };
  const folder = mkdtempSync(join(MEMORY, "headgate-modules-"));
  return {
    mount: ["-v", `${folder}:/src/node_modules`],
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Finds a current node that CI has installed beside the machine's own. */
function findNode(): string {
  const cache = join(
    process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"),
    "headgate",
    "node-24",
    "node_modules",
  );
  const current = ["x64", "arm64"].map((machine) =>
    join(cache, `node-linux-${machine}`, "bin", "node"),
  );
  return current.find((path) => existsSync(path)) ?? process.execPath;
}

function knowsPercentage(node: string): boolean {
  const script =
    "process.exit(process.allowedNodeEnvironmentFlags.has('--max-old-space-size-percentage') ? 0 : 1)";
  return spawnSync(node, ["-e", script]).status === 0;
}

/** /bin and /lib are links into /usr, which is mounted when a container runs. */
function writeBuildImage(folder: string): string {
  const context = join(folder, "build-image");
  const files = join(context, "rootfs");
  for (const path of ["usr", "etc", "tmp", "root"])
    mkdirSync(join(files, path), { recursive: true });
  for (const path of ["bin", "sbin", "lib", "lib64"]) symlinkSync(`usr/${path}`, join(files, path));
  for (const path of ["/etc/passwd", "/etc/resolv.conf", "/etc/hosts"])
    copyFileSync(path, join(files, path));
  // npm uses the machine's registry, certificates and cache.
  const kept = Object.entries(process.env).filter(([name]) =>
    /^(NODE_EXTRA_CA_CERTS|https?_proxy|no_proxy)$/i.test(name),
  );
  const variables = [
    ["PATH", `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`],
    ["npm_config_prefer_offline", "true"],
    ...kept,
  ];
  const lines = variables.map(([name, value]) => `ENV ${name}=${JSON.stringify(value)}`);
  writeFileSync(
    join(context, "Dockerfile"),
    ["FROM scratch", "COPY rootfs/ /", ...lines, ""].join("\n"),
  );
  return context;
}

function machineMounts(): readonly string[] {
  const mounts = ["/usr", "/etc/ssl", "/etc/npmrc", join(homedir(), ".npmrc")].filter((path) =>
    existsSync(path),
  );
  const npmCache = join(homedir(), ".npm");
  const writable = existsSync(npmCache) ? ["-v", `${npmCache}:/root/.npm`] : [];
  return [
    ...mounts.flatMap((path) => ["-v", `${path}:${path.replace(homedir(), "/root")}:ro`]),
    ...writable,
  ];
}

function writeRunImage(folder: string, node: string): string {
  const context = join(folder, "run-image");
  const files = join(context, "rootfs");
  const libraries = spawnSync("ldd", [node], { encoding: "utf8" }).stdout.match(/\/\S+/g) ?? [];
  for (const path of libraries) {
    mkdirSync(join(files, dirname(path)), { recursive: true });
    copyFileSync(path, join(files, path)); // follows links, on every version of Node
  }
  mkdirSync(join(files, "nodejs", "bin"), { recursive: true });
  copyFileSync(node, join(files, "nodejs", "bin", "node"));
  mkdirSync(join(files, "etc"));
  writeFileSync(
    join(files, "etc", "passwd"),
    "nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n",
  );
  writeFileSync(join(context, "Dockerfile"), "FROM scratch\nCOPY rootfs/ /\n");
  return context;
}
