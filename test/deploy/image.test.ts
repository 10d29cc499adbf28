/**
 * The image, built from the Dockerfile and run as the chart and the compose file run it: read-only, without capabilities,
 * with little memory, before a real uvicorn in a container of its own.
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { request as requestByTls } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext, after, before } from "node:test";

import { parse } from "yaml";
import {
  type Engine,
  composeMissing,
  containersMissing,
  createEngine,
  namesMissing,
} from "../support/containers.ts";
import { root } from "../support/manifests.ts";

// `/slow` responds when the test requests `/release`, so that the test decides when a request is over.
const APP = `
import asyncio
from fastapi import FastAPI

app = FastAPI()
waiting = []

@app.get("/health")
async def health():
    return {"status": "ok"}

@app.get("/slow")
async def slow():
    released = asyncio.Event()
    waiting.append(released)
    await released.wait()
    return {"status": "late"}

@app.get("/waiting")
async def count():
    return len(waiting)

@app.get("/release")
async def release():
    for one in waiting:
        one.set()
`;

const skip = containersMissing();
const folder = mkdtempSync(join(tmpdir(), "headgate-image-"));
let engine: Engine;

before(() => {
  if (skip !== false) return;
  writeFileSync(join(folder, "main.py"), APP);
  engine = createEngine();
});

after(() => {
  if (skip === false) engine.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Running {
  readonly name: string;
  readonly address: string;
}

/** Runs a container until the engine is closed: removing all at once costs half of what it costs one by one. */
function run(args: readonly string[]): Running {
  const name = engine.podman(
    "run",
    "--detach",
    "--no-healthcheck",
    "--network",
    engine.network,
    ...args,
  );
  return { name, address: engine.addressOf(name) };
}

async function startApp(...args: readonly string[]): Promise<Running> {
  const serve = [
    "/usr/bin/python3",
    "-m",
    "uvicorn",
    "main:app",
    "--host",
    "0.0.0.0",
    "--port",
    "8000",
  ];
  const app = run([
    ...args,
    "-v",
    `${folder}:/srv:ro`,
    "--workdir",
    "/srv",
    ...engine.machine,
    ...serve,
  ]);
  await answered(`http://${app.address}:8000/health`, 200);
  return app;
}

async function startHeadgate(upstream: string, more: readonly string[] = []): Promise<Running> {
  const hardened = [
    "--read-only",
    "--read-only-tmpfs=false",
    "--cap-drop",
    "all",
    "--security-opt",
    "no-new-privileges",
  ];
  const headgate = run([
    ...hardened,
    ...more,
    "--memory",
    "128m",
    "--env",
    `HEADGATE_UPSTREAM=${upstream}`,
    engine.image,
  ]);
  await answered(`http://${headgate.address}:9090/readyz`, 200);
  return headgate;
}

/** Repeats a request until the response has this status: containers do not report when they listen. */
async function answered(url: string, status: number, method = "GET"): Promise<void> {
  for (;;) {
    const answer = await fetch(url, { method }).catch(() => undefined);
    await answer?.arrayBuffer();
    if (answer?.status === status) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function inHeadgate({ name }: Running, script: string): string {
  return engine.podman("exec", name, "/nodejs/bin/node", "--print", script);
}

test("a HEAD that uvicorn refuses gets a response from headgate", { skip }, async () => {
  const app = await startApp();
  const headgate = await startHeadgate(`http://${app.address}:8000`);
  const refused = await fetch(`http://${app.address}:8000/health`, { method: "HEAD" });
  const { status, headers } = await fetch(`http://${headgate.address}:8080/health`, {
    method: "HEAD",
  });
  assert.deepEqual(
    { refused: refused.status, status, length: headers.get("content-length") },
    { refused: 405, status: 200, length: "15" },
  );
});

test("the container runs as 65532, can write nowhere, and has no shell", { skip }, async () => {
  const headgate = await startHeadgate("http://127.0.0.1:9");
  assert.equal(inHeadgate(headgate, "`${process.getuid()}:${process.getgid()}`"), "65532:65532");
  const write = `(path) => { try { fs.writeFileSync(path, ""); return "written" } catch ({ code }) { return code } }`;
  const paths = ["/a", "/app/a", "/tmp/a", "/etc/a"];
  const tried = inHeadgate(headgate, `JSON.stringify(${JSON.stringify(paths)}.map(${write}))`);
  const codes = JSON.parse(tried) as readonly string[];
  assert.equal(codes.length, paths.length);
  for (const code of codes) assert.match(code, /^(EROFS|ENOENT|EACCES)$/, tried);
  assert.throws(
    () => engine.podman("exec", headgate.name, "sh", "-c", "true"),
    /executable file.*not found/,
  );
});

test("the heap ends well below the container's memory", { skip }, async () => {
  const headgate = await startHeadgate("http://127.0.0.1:9");
  const megabytes = Number(
    inHeadgate(headgate, "v8.getHeapStatistics().heap_size_limit / 1024 ** 2"),
  );
  assert.ok(megabytes > 32 && megabytes < 100, `${megabytes} MB of 128`);
});

test("the health check reports ready", { skip }, async () => {
  const headgate = await startHeadgate("http://127.0.0.1:9");
  const check = JSON.parse(
    engine.podman("image", "inspect", engine.image, "--format", "{{json .HealthCheck.Test}}"),
  ) as string[];
  assert.equal(check[0], "CMD");
  assert.equal(engine.podman("exec", headgate.name, ...check.slice(1)), "ready");
});

test("the labels have version and licence", { skip }, () => {
  const labels = JSON.parse(
    engine.podman("image", "inspect", engine.image, "--format", "{{json .Labels}}"),
  ) as Record<string, string>;
  assert.equal(labels["org.opencontainers.image.version"], "0.0.0-test");
  assert.equal(labels["org.opencontainers.image.licenses"], "Apache-2.0");
});

test("an idle container that is stopped ends by SIGTERM, with 0", { skip }, async () => {
  const headgate = await startHeadgate("http://127.0.0.1:9");
  engine.podman("stop", "--time", "60", headgate.name);
  // It would be 137 if SIGTERM had no effect and SIGKILL had to follow.
  assert.equal(engine.podman("inspect", headgate.name, "--format", "{{.State.ExitCode}}"), "0");
});

test(
  "a container that is stopped with a request in flight finishes the request, then ends with 0",
  { skip },
  async () => {
    const app = await startApp();
    const headgate = await startHeadgate(`http://${app.address}:8000`);
    const slow = fetch(`http://${headgate.address}:8080/slow`);
    while ((await (await fetch(`http://${app.address}:8000/waiting`)).json()) === 0) continue;
    const stopped = engine.start("stop", "--time", "20", headgate.name);
    await answered(`http://${headgate.address}:9090/readyz`, 503);
    await fetch(`http://${app.address}:8000/release`);
    const answer = await slow;
    assert.deepEqual([answer.status, await answer.json()], [200, { status: "late" }]);
    assert.equal(await stopped, 0);
    assert.equal(engine.podman("inspect", headgate.name, "--format", "{{.State.ExitCode}}"), "0");
  },
);

for (const { example, hosts } of [
  { example: "compose", hosts: ["localhost"] },
  { example: "compose-two-services", hosts: ["shop.localhost", "blog.localhost"] },
]) {
  test(
    `examples/${example} comes up and responds to a HEAD`,
    { skip: skip || composeMissing() || namesMissing() },
    async (t) => {
      const { port } = startCompose(t, example);
      for (const host of hosts) await answeredHead(port, host);
    },
  );
}

test(
  "examples/compose-tls comes up with the certificates of its script, which the container's user can read",
  { skip: skip || composeMissing() || namesMissing() },
  async (t) => {
    const { port, copy } = startCompose(t, "compose-tls", (folderOfExample) => {
      execFileSync("sh", [join(folderOfExample, "make-certificates.sh")], { stdio: "pipe" });
    });
    await answeredHead(port, "localhost", readFileSync(join(copy, "ca", "ca.crt"), "utf8"));
  },
);

test(
  "an app's Compose file after inject comes up and responds to a HEAD",
  { skip: skip || composeMissing() || namesMissing() },
  async (t) => {
    const copy = mkdtempSync(join(tmpdir(), "headgate-inject-"));
    const file = join(copy, "compose.yaml");
    const services = { app: { ...composeApp(), ports: ["127.0.0.1::8000"] } };
    writeFileSync(file, JSON.stringify({ services }, undefined, 2));
    const bundle = join(root, "dist", "headgate.cjs");
    execFileSync(process.execPath, [bundle, "inject", file, "--image", engine.image], {
      stdio: "pipe",
    });
    await answeredHead(upCompose(t, copy), "localhost");
  },
);

/**
 * The example as it is, but for three things: the images, which are not released here, and a port that is free. `prepare` does what its
 * first line says must be done before.
 */
function startCompose(
  t: TestContext,
  example: string,
  prepare: (folderOfExample: string) => void = () => undefined,
): { readonly port: number; readonly copy: string } {
  const copy = mkdtempSync(join(tmpdir(), `headgate-${example}-`));
  cpSync(join(root, "examples", example), copy, { recursive: true });
  const file = join(copy, "compose.yaml");
  prepare(copy);
  const { services } = parse(readFileSync(file, "utf8")) as {
    services: Record<string, { readonly ports?: readonly string[] }>;
  };
  const app = composeApp();
  const inside = services["headgate"]?.ports?.[0]?.split(":").at(-1) ?? "";
  const given = Object.entries(services).map(([name, service]) =>
    name === "headgate"
      ? [name, { ...service, image: engine.image, ports: [`127.0.0.1::${inside}`] }]
      : [name, app],
  );
  writeFileSync(file, JSON.stringify({ services: Object.fromEntries(given) }));
  return { port: upCompose(t, copy, inside), copy };
}

/** A service for the test's app. */
function composeApp(): object {
  const [, , image] = engine.machine;
  const command = [
    "/usr/bin/python3",
    "-m",
    "uvicorn",
    "main:app",
    "--host",
    "0.0.0.0",
    "--port",
    "8000",
  ];
  return {
    image,
    command,
    working_dir: "/srv",
    volumes: ["/usr:/usr:ro", `${folder}:/srv:ro`],
  };
}

/** Brings a folder's compose.yaml up until the engine is closed, and returns the port that leads to headgate. */
function upCompose(t: TestContext, copy: string, inside = "8080"): number {
  t.after(() => rmSync(copy, { recursive: true, force: true }));
  const up = ["--file", join(copy, "compose.yaml"), "up", "--detach", "--no-build"];
  execFileSync("podman-compose", ["--podman-path", engine.program, ...up], {
    cwd: copy,
    stdio: "pipe",
  });
  const filters = ["service=headgate", `project.working_dir=${copy}`].flatMap((label) => [
    "--filter",
    `label=com.docker.compose.${label}`,
  ]);
  const name = engine.podman("ps", ...filters, "--format", "{{.Names}}");
  return Number(engine.podman("port", name, inside).split(":").at(-1));
}

/** With `ca` it asks by HTTPS, and the certificate has to be one of this authority for `host`. */
async function answeredHead(port: number, host: string, ca?: string): Promise<void> {
  const to = { port, host: "127.0.0.1", method: "HEAD", path: "/health", headers: { host } };
  for (;;) {
    const status = await new Promise<number | undefined>((resolve) => {
      const take = (answer: IncomingMessage): void => resolve(answer.statusCode);
      (ca === undefined ? request(to, take) : requestByTls({ ...to, ca, servername: host }, take))
        .on("error", () => resolve(undefined))
        .end();
    });
    if (status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test(
  "a changed route file in the mounted folder is read without a restart",
  { skip },
  async (t) => {
    const app = await startApp();
    const routes = mkdtempSync(join(tmpdir(), "headgate-routes-"));
    t.after(() => rmSync(routes, { recursive: true, force: true }));
    chmodSync(routes, 0o755);
    const write = (mode: string): void =>
      writeFileSync(join(routes, "headgate.yaml"), `head: ${mode}\n`);
    write("pass");
    const mounted = [
      "-v",
      `${routes}:/etc/headgate:ro`,
      "--env",
      "HEADGATE_CONFIG=/etc/headgate/headgate.yaml",
    ];
    const headgate = await startHeadgate(`http://${app.address}:8000`, mounted);
    await answered(`http://${headgate.address}:8080/health`, 405, "HEAD");
    write("convert");
    await answered(`http://${headgate.address}:8080/health`, 200, "HEAD");
  },
);

test(
  "headgate finds a service that is recreated at another address",
  { skip: skip || namesMissing() },
  async () => {
    const first = await startApp("--network-alias", "app");
    const headgate = await startHeadgate("http://app:8000");
    await answered(`http://${headgate.address}:8080/health`, 200);
    engine.podman("rm", "--force", "--time", "0", first.name);
    await answered(`http://${headgate.address}:8080/health`, 502);
    const second = await startApp("--network-alias", "app");
    assert.notEqual(second.address, first.address);
    await answered(`http://${headgate.address}:8080/health`, 200);
  },
);
