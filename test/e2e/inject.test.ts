// The whole way of an operator with real backends: doctor says what is wrong, init writes the route file, inject writes the manifest or
// the Compose file, and the headgate that these describe runs before the backend in the network of a pod.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { parse } from "yaml";

import { objectsOf } from "../support/inject.ts";
import { MANIFESTS } from "../support/inject-manifests.ts";
import { only, root } from "../support/manifests.ts";
import { writeNginx } from "../support/nginx.ts";
import {
  IMAGE_VARIABLES,
  type Pod,
  createPod,
  startComposed,
  startInjected,
} from "../support/pod.ts";
import {
  BUNDLE,
  type Backend,
  type Needs,
  PYTHON,
  type ServerAddress,
  createFolder,
  runAny,
  startBackend,
  testReal,
  toServerAddress,
} from "../support/real.ts";
import { PYTHON_ENV, toGunicorn, toNodeApp, toUvicorn } from "./backends.ts";

interface Case {
  readonly needs: Needs;
  readonly backend: (t: TestContext, address: ServerAddress) => Backend | Promise<Backend>;
  /** A path whose HEAD the backend refuses, and others. */
  readonly paths: readonly [string, ...string[]];
  readonly refusedWith: number;
  /** The arguments of doctor and init behind the URL. Without paths, these come from the backend's own OpenAPI document. */
  readonly args: readonly string[];
  /** The manifest, by its name in inject-manifests.ts. */
  readonly manifest: string;
  /** What init finds: the route file without its comments and its upstream. */
  readonly settings: string;
}

const CASES: Readonly<Record<string, Case>> = {
  FastAPI: {
    needs: {
      "python:fastapi": "python3-fastapi",
      "python:uvicorn": "uvicorn",
      "python:multipart": "python3-multipart",
    },
    backend: (_t, address) => ({
      command: toUvicorn(PYTHON, address),
      address,
      env: PYTHON_ENV,
    }),
    paths: ["/health", "/report", "/file", "/login", "/items/7", "/none"],
    refusedWith: 405,
    args: ["--param", "number=7"],
    manifest: "plain",
    settings: "head: convert\n",
  },
  Express: {
    needs: {},
    backend: (_t, address) => toNodeApp("express", address),
    paths: ["/strict", "/json", "/login"],
    refusedWith: 405,
    args: ["/strict", "/json", "/login", "/own"],
    manifest: "lists in their key's column",
    settings: "head: auto\nroutes:\n  - { path: /own, head: pass }\n",
  },
  Fastify: {
    needs: {},
    backend: (_t, address) => toNodeApp("fastify", address),
    paths: ["/json", "/documentation/json", "/none"],
    refusedWith: 404,
    args: [],
    manifest: "helm's output",
    settings: "head: convert\n",
  },
  Django: {
    needs: { "python:django": "python3-django", "/usr/bin/gunicorn": "gunicorn" },
    backend: (t, address) => toGunicorn(t, address, "django_app"),
    paths: ["/get-only", "/json", "/none"],
    refusedWith: 405,
    args: ["/get-only", "/json"],
    manifest: "CRLF line ends",
    settings: "head: convert\n",
  },
  nginx: {
    needs: { nginx: "nginx" },
    backend: (t, address) => {
      const site = writeNginx(t, address, "if ($request_method != GET) { return 405; }");
      writeFileSync(join(site.root, "page.html"), "<p>page</p>");
      writeFileSync(join(site.root, "big.bin"), Buffer.alloc(3 * 1024 * 1024, "big"));
      return { command: site.command, address };
    },
    paths: ["/page.html", "/big.bin", "/none"],
    refusedWith: 405,
    args: ["/page.html", "/big.bin"],
    manifest: "a JSON List",
    settings: "head: convert\nroutes:\n  - { path: /big.bin, head: { range: probe } }\n",
  },
};

const COMPOSE = `services:
  app:
    build: .
    ports:
      - "127.0.0.1:8000:8000" # for the browser
`;

for (const [name, one] of Object.entries(CASES)) {
  testReal(`doctor, init and inject with ${name}`, { ...one.needs, curl: "curl" }, async (t) => {
    const pod = await createPod(t);
    if (pod === undefined) return;
    const folder = createFolder(t);
    const direct = await startApp(t, pod, one, "127.0.0.1");

    await t.test("doctor finds what the backend refuses, and init writes it down", async () => {
      const [refused] = one.paths;
      const head = await pod.run("curl", "-sSI", direct + refused);
      assert.match(head, new RegExp(`^HTTP/1\\.1 ${one.refusedWith} `));
      const { code, stdout } = await pod.headgate(["doctor", direct, ...one.args]);
      assert.equal(code, 1, stdout);
      assert.match(stdout, /refuses? HEAD/);
      mkdirSync(join(folder, "headgate"));
      const output = ["--output", "headgate/headgate.yaml"];
      const init = await pod.headgate(["init", direct, ...one.args, ...output], folder);
      assert.equal(init.code, 0, init.stderr);
      const written = readFileSync(join(folder, "headgate", "headgate.yaml"), "utf8");
      assert.equal(written.replaceAll(/^ *#.*\n|^upstream:.*\n|^\n/gm, ""), one.settings);
    });

    for (const flags of [[], ["--config", "headgate/headgate.yaml"]])
      await t.test(`the sidecar of inject ${flags.join(" ")}`, async (t2) => {
        const objects = objectsOf(await inject(["-", ...flags], folder, MANIFESTS[one.manifest]));
        await startInjected(t2, pod, objects);
        const [{ targetPort }] = only(objects, "Service")["spec"].ports;
        await assertMended(pod, direct, `http://127.0.0.1:${targetPort}`, one);
      });

    await t.test("the Compose service of inject --config", async (t2) => {
      writeFileSync(join(folder, "compose.yaml"), COMPOSE);
      await inject(["compose.yaml", "--config", "headgate/headgate.yaml"], folder);
      const { services } = parse(readFileSync(join(folder, "compose.yaml"), "utf8"));
      assert.deepEqual(services.app.ports, []);
      // In Compose 127.0.0.1 is headgate's own container, so the app is at its service's address alone.
      const own = (await createPod(t2)) ?? assert.fail("there was one before");
      const app = await startApp(t2, own, one, "127.0.0.2");
      const hosts = { app: "127.0.0.2" };
      await startComposed(t2, own, services.headgate, { folder, hosts });
      const [, host, port] = /^(127\.0\.0\.1):8000:(\d+)$/.exec(services.headgate.ports[0]) ?? [];
      await assertMended(own, app, `http://${host}:${port}`, one);
    });
  });
}

void test("the variables that the image sets are those of its Dockerfile", () => {
  const dockerfile = readFileSync(join(root, "Dockerfile"), "utf8");
  for (const [name, value] of Object.entries(IMAGE_VARIABLES))
    assert.ok(dockerfile.includes(`\nENV ${name}=${value}\n`), name);
});

/** Starts the backend on port 8000 of a pod's address, and returns its URL. */
async function startApp(t: TestContext, pod: Pod, one: Case, host: string): Promise<string> {
  const address = toServerAddress(host, 8000);
  await startBackend(t, { ...(await one.backend(t, address)), network: pod });
  return address.url;
}

/** Runs `headgate inject`, and returns its standard output. */
async function inject(args: readonly string[], cwd: string, input = ""): Promise<string> {
  const ran = await runAny([process.execPath, BUNDLE, "inject", ...args], { cwd, input });
  assert.equal(ran.code, 0, ran.stderr);
  return ran.stdout;
}

/** Through headgate a GET is the backend's, a HEAD has the GET's header section, and doctor finds nothing wrong. */
async function assertMended(
  pod: Pod,
  direct: string,
  through: string,
  { paths, args }: Case,
): Promise<void> {
  const gets = await read(pod, through, paths);
  const wanted = await read(pod, direct, paths);
  const heads = await read(pod, through, paths, "-I");
  for (const [index, path] of paths.entries()) {
    const [get, head] = [gets[index], heads[index]];
    assert.ok(get !== undefined && head !== undefined);
    assert.deepEqual(get, wanted[index], `GET ${path}`);
    // A probed HEAD has the fields of the range's response, in its order.
    assert.deepEqual(sorted(head), sorted({ ...get, content: "" }), `HEAD ${path}`);
    if (path !== "/none") assert.match(head.section, /^HTTP\/1\.1 (?:200|302) /);
  }
  const { code, stdout } = await pod.headgate(["doctor", direct, ...args, "--through", through]);
  assert.equal(code, 0, stdout);
}

interface Read {
  readonly section: string;
  readonly content: string;
}

function sorted({ section, content }: Read) {
  return { lines: section.split("\r\n").toSorted(), content };
}

/** curl writes this behind each response. */
const END = "<end of a response>";

/** The responses for these paths, from one curl, without the time and the fields of the connection. */
async function read(
  pod: Pod,
  base: string,
  paths: readonly string[],
  ...options: readonly string[]
): Promise<readonly Read[]> {
  const urls = paths.map((path) => base + path);
  const texts = (await pod.run("curl", "-sS", "-i", "-w", END, ...options, ...urls)).split(END);
  assert.equal(texts.pop(), "");
  assert.equal(texts.length, paths.length);
  const fields = /^(?:date|connection|keep-alive|transfer-encoding):.*\r\n/gim;
  return texts.map((text) => {
    const end = text.indexOf("\r\n\r\n") + 4;
    return { section: text.slice(0, end).replaceAll(fields, ""), content: text.slice(end) };
  });
}
