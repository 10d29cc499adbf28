// A new user's steps with real backends: doctor reports what is wrong, init writes the route file, and headgate with that file fixes it.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, after, before, it, test } from "node:test";

import { getRequestListener } from "@hono/node-server";
import { Hono } from "hono";

import { type Reported, callDoctor, callInit, diagnose } from "../support/doctor.ts";
import { startNginx } from "../support/nginx.ts";
import {
  createFolder,
  findAddress,
  startBackend,
  startHeadgate,
  testReal,
} from "../support/real.ts";
import { toGunicorn } from "./backends.ts";
import { createExpress, createFastify } from "./node-apps.ts";
import { type Stack, describeReal, startStack } from "./stack.ts";

/** Verdict and finding kinds by target. */
function verdictsOf(found: Readonly<Record<string, Reported>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(found).map(([target, { verdict, findings }]) => {
      const kinds = findings.map(({ kind, name }) => String(name ?? kind)).join(" ");
      return [target, kinds === "" ? verdict : `${verdict}: ${kinds}`];
    }),
  );
}

/** The route file without its comments and its upstream. */
async function settingsOf(args: readonly string[]): Promise<string> {
  const { code, out } = await callInit(args);
  assert.equal(code, 0, out);
  return out.replaceAll(/^ *#.*\n|^upstream:.*\n|^\n/gm, "");
}

/** Runs headgate with the file that init wrote: through it doctor finds nothing wrong. */
async function assertMended(t: TestContext, url: string, more: readonly string[]): Promise<void> {
  const { url: through } = await startHeadgate(t, url, await settingsOf([url, ...more]));
  const { code, out } = await callDoctor([url, ...more, "--through", through]);
  assert.equal(code, 0, out);
}

describeReal("doctor and init on a real FastAPI", () => {
  let stack: Stack;
  before(async () => {
    stack = await startStack();
  });
  after(() => stack.stop());

  it("finds the endpoints in FastAPI's own document, and that they refuse HEAD", async () => {
    const { code, out } = await callDoctor([stack.direct, "--param", "number=7"]);
    assert.equal(code, 1);
    assert.match(
      out,
      /^http:\/\/127\.0\.0\.1:\d+, OpenAPI 3\.[\d.]+ from \/openapi\.json: 15 paths/,
    );
    assert.match(out, /^\/health +200 +405 +refuses HEAD +answers 200$/m);
    assert.match(out, /^\/items\/7 +200 +405 /m);
    assert.match(out, /^\/native .* Content-Length 0, not 3/m);
    assert.match(out, /^ {2}\/me: needs the cookie session: --param session=…$/m);
    assert.match(out, /^9 of 10 endpoints refuse HEAD, 1 answers it differently from GET\.$/m);
    assert.match(
      out,
      /^Next: headgate init http:\/\/127\.0\.0\.1:\d+ --param number=7 --output headgate\.yaml$/m,
    );
  });

  it("knows streams, paths that need credentials, and redirects", async () => {
    const paths = ["/events/a", "/stream/a", "/me", "/items", "/docs"];
    const found = await diagnose([stack.direct, ...paths, "--timeout", "1s"]);
    assert.deepEqual(verdictsOf(found), {
      "/events/a": "refused: status",
      "/stream/a": "refused: status",
      "/me": "refused: status",
      "/items": "fine", // Starlette's own redirect
      "/docs": "fine",
    });
    assert.equal(found["/events/a"]?.streams, true);
    assert.equal(found["/items"]?.get["status"], 307);
    const own = await callDoctor([
      stack.direct,
      "/me",
      "-H",
      "Cookie: session=a; theme=b",
      "--json",
    ]);
    assert.equal(JSON.parse(own.out).endpoints[0].get.status, 200);
  });

  it("one mode fits all, and nothing is wrong through headgate", async () => {
    assert.equal(await settingsOf([stack.direct]), "head: convert\n");
    const { code, out } = await callDoctor([stack.direct, "--through", stack.proxied]);
    assert.equal(code, 0, out);
    assert.match(out, /^\/health +200 +405 +refuses HEAD +200 same as GET$/m);
    assert.match(out, /^The backend: 8 of 9 endpoints refuse HEAD, 1 answers it differently/m);
    assert.match(
      out,
      /^Through headgate: 8 of 9 endpoints answer it as GET, 1 could not be compared\.$/m,
    );
  });
});

void test("doctor and init on Express", async (t) => {
  const url = await listen(t, createExpress());
  const paths = ["/json", "/strict", "/login"];
  assert.deepEqual(verdictsOf(await diagnose([url, ...paths, "/own", "/none"])), {
    "/json": "fine",
    "/strict": "refused: status",
    "/login": "fine",
    "/own": "head-only",
    "/none": "unknown",
  });
  const { out } = await callDoctor([url, "/login"]);
  assert.match(out, /redirects to \/json/);
  assert.equal(
    await settingsOf([url, ...paths, "/own"]),
    "head: auto\nroutes:\n  - { path: /own, head: pass }\n",
  );
  await assertMended(t, url, paths);
});

for (const exposeHeadRoutes of [true, false]) {
  void test(`doctor and init on Fastify with exposeHeadRoutes: ${exposeHeadRoutes}`, async (t) => {
    const app = createFastify(exposeHeadRoutes);
    const url = await app.listen({ port: 0, host: "127.0.0.1" });
    t.after(() => app.close());
    const { out } = await callDoctor([url]);
    assert.match(out, /OpenAPI 3\.0\.3 from \/documentation\/json/);
    const verdict = exposeHeadRoutes ? "fine" : "refused: status";
    assert.deepEqual(verdictsOf(await diagnose([url])), { "/json": verdict });
    assert.equal(await settingsOf([url]), `head: ${exposeHeadRoutes ? "pass" : "convert"}\n`);
    await assertMended(t, url, []);
  });
}

void test("doctor and init on Hono, whose HEADs have no Content-Length", async (t) => {
  const app = new Hono();
  app.get("/json", (context) => context.json({ hello: "world" }));
  app.get("/stream", () => new Response(new Blob(["text"]).stream()));
  const answer = getRequestListener(app.fetch);
  const url = await listen(t, (request, response) => void answer(request, response));
  const found = verdictsOf(await diagnose([url, "/json", "/stream"]));
  assert.deepEqual(found, { "/json": "differs: length", "/stream": "fine" });
  await assertMended(t, url, ["/json", "/stream"]);
});

testReal(
  "doctor and init on Django",
  { "python:django": "python3-django", "/usr/bin/gunicorn": "gunicorn" },
  async (t) => {
    const place = await findAddress();
    await startBackend(t, toGunicorn(t, place, "django_app"));
    const paths = ["/json", "/get-only"];
    const found = await diagnose([place.url, ...paths, "/none"]);
    // RFC 9110 §9.3.2: gunicorn 20.1 sends the content that Django made for the HEAD.
    assert.deepEqual(verdictsOf(found), {
      "/json": "broken: content",
      "/get-only": "refused: status",
      "/none": "broken: content",
    });
    assert.equal(await settingsOf([place.url, ...paths]), "head: convert\n");
    await assertMended(t, place.url, paths);
  },
);

testReal("doctor and init on nginx, with a file of 2 GiB", { nginx: "nginx" }, async (t) => {
  const { root, url } = await startNginx(
    t,
    "location /refused/ { if ($request_method != GET) { return 405; } }",
  );
  mkdirSync(join(root, "refused"));
  for (const folder of [root, join(root, "refused")]) {
    writeFileSync(join(folder, "page.html"), "<p>page</p>");
    writeFileSync(join(folder, "big.bin"), "");
    truncateSync(join(folder, "big.bin"), 2 * 1024 ** 3);
  }
  const found = await diagnose([url, "/page.html", "/big.bin"]);
  assert.deepEqual(verdictsOf(found), { "/page.html": "fine", "/big.bin": "fine" });
  assert.equal(found["/big.bin"]?.rangesOf, 2 * 1024 ** 3);
  assert.equal(await settingsOf([url, "/page.html", "/big.bin"]), "head: pass\n");

  const refused = ["/refused/page.html", "/refused/big.bin"];
  assert.equal(
    await settingsOf([url, ...refused]),
    "head: convert\nroutes:\n  - { path: /refused/big.bin, head: { range: probe } }\n",
  );
  await assertMended(t, url, refused);
});

test("init writes to a file once, and overwrites it with --force", async (t) => {
  let requests = 0;
  const url = await listen(t, (_request, response) => {
    requests += 1;
    response.end("hello");
  });
  const cwd = createFolder(t);
  const args = [url, "/x", "--output", "headgate.yaml"];
  const first = await callInit(args, { cwd });
  assert.deepEqual([first.code, first.out], [0, ""]);
  assert.match(first.err, /^Wrote headgate\.yaml\. Next: headgate run --config headgate\.yaml\n$/);
  const sent = requests;
  const second = await callInit(args, { cwd });
  assert.equal(requests, sent, "nothing was sent for it");
  assert.equal(second.code, 1);
  assert.match(second.err, /^headgate: headgate\.yaml exists already; --force overwrites it\n$/);
  assert.equal((await callInit([...args, "--force"], { cwd })).code, 0);
  const nowhere = await callInit([url, "/x", "--output", "none/headgate.yaml"], { cwd });
  assert.match(nowhere.err, /its folder does not exist/);
  const unreached = await callInit(["http://127.0.0.1:9"], { cwd });
  assert.deepEqual([unreached.code, unreached.out], [1, ""]);
});

async function listen(t: TestContext, app: RequestListener): Promise<string> {
  const server = createServer(app).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
