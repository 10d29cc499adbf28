// Docker's API: `exec`, `attach` and `run -i` send a POST with content, then carry on in a tunnel (Upgrade: tcp). The client is
// docker, the server podman, which speaks the same protocol.

import assert from "node:assert/strict";
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import {
  createFolder,
  findAddress,
  runAny,
  runClient,
  startBackend,
  startHeadgate,
  testReal,
} from "../support/real.ts";

const NEEDS = { "/usr/bin/docker": "docker.io", podman: "podman", runc: "runc" };

testReal("docker through headgate", NEEDS, async (t) => {
  if (process.getuid?.() !== 0) return t.skip("LEFT OUT: containers need root");
  const folder = createFolder(t);
  writeFileSync(
    join(folder, "containers.conf"),
    `[containers]
default_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"\n`,
  );
  const env = { CONTAINERS_CONF: join(folder, "containers.conf") };
  const places = ["--root", join(folder, "storage"), "--runroot", join(folder, "run")];
  const storage = ["--storage-driver=vfs", ...places];
  const podman = (...args: readonly string[]) =>
    runClient(["podman", ...storage, ...args], { env });
  // An image without files of its own: its programs are the machine's.
  const files = join(folder, "files");
  for (const name of ["usr", "etc"]) mkdirSync(join(files, name), { recursive: true });
  for (const name of ["bin", "sbin", "lib", "lib64"]) symlinkSync(`usr/${name}`, join(files, name));
  cpSync("/etc/passwd", join(files, "etc", "passwd"));
  await runClient(["tar", "-C", files, "-cf", join(folder, "image.tar"), "."]);
  await podman("import", "--quiet", join(folder, "image.tar"), "machine:one");

  const place = await findAddress();
  const service = ["system", "service", "--time=0", `tcp:${place.authority}`] as const;
  await startBackend(t, { command: ["podman", ...storage, ...service], address: place, env });
  const { authority, statuses } = await startHeadgate(t, place.url);
  const own = { DOCKER_HOST: `tcp://${authority}`, DOCKER_CONFIG: folder };
  const docker = (args: readonly string[], input = "") =>
    runAny(["/usr/bin/docker", ...args], { env: own, input });
  const machine = ["--network=none", "-v", "/usr:/usr:ro", "machine:one"];

  await t.test("exec passes input and output, and returns the exit code", async () => {
    const { code, stderr } = await docker(["run", "-d", "--name=one", ...machine, "sleep", "1000"]);
    assert.equal(code, 0, stderr);
    assert.equal((await docker(["exec", "-i", "one", "cat"], "hello\n")).stdout, "hello\n");
    const script = "echo out; echo err >&2; exit 3";
    const ran = await docker(["exec", "one", "sh", "-c", script]);
    assert.deepEqual(ran, { code: 3, stdout: "out\n", stderr: "err\n" });
    assert.deepEqual(await statuses("POST", /\/exec\/\w+\/start$/, 2), [101, 101]);
  });

  await t.test("run -i attaches to a container that it starts", async () => {
    const ran = await docker(["run", "-i", "--rm", ...machine, "cat"], "hello\n");
    assert.deepEqual(ran, { code: 0, stdout: "hello\n", stderr: "" });
  });

  await podman("rm", "--all", "--force", "--time", "0");
});
