// Express, Fastify and Hono: what each does with a HEAD by itself, and what headgate does with it.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";

import { getRequestListener } from "@hono/node-server";
import compression from "compression";
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";

import { runClient, startHeadgate } from "../support/real.ts";

const TEXT = "text that is worth compressing; ".repeat(500);

void test("Express through headgate", async (t) => {
  const app = express();
  app.use(compression());
  app.get("/json", (_request, response) => void response.json({ hello: "world" }));
  app.get("/text", (request, response) => {
    response.type("text/plain");
    // What express.static does: a range of the uncompressed file, and the full file compressed.
    if (request.headers.range === undefined) return void response.send(TEXT);
    response
      .status(206)
      .set({ "Content-Range": `bytes 0-0/${TEXT.length}`, Vary: "Accept-Encoding" });
    response.send(TEXT.slice(0, 1));
  });
  app.get("/login", (_request, response) => {
    response.cookie("session", "s1", { httpOnly: true }).cookie("theme", "dark").redirect("/json");
  });
  app.get("/events", (request, response) => {
    response
      .type("text/event-stream")
      .write(`id: 1\ndata: ${request.headers["last-event-id"]}\n\n`);
    response.flush();
  });
  app.post("/echo", express.json(), (request, response) => void response.json(request.body));
  const direct = await listen(t, app);
  const { url } = await startHeadgate(
    t,
    direct,
    "routes: [{ path: /text, head: { range: probe } }]",
  );

  await t.test("a HEAD has the fields of the GET", async () => {
    for (const path of ["/json", "/login", "/none"])
      assert.deepEqual(await fieldsOf(url, path, "HEAD"), await fieldsOf(url, path, "GET"), path);
  });

  await t.test("a probed HEAD has no length or coding that the GET does not have", async () => {
    for (const coding of ["gzip", "identity"]) {
      const headers = { "accept-encoding": coding };
      const head = await fieldsOf(url, "/text", "HEAD", headers);
      const get = await fieldsOf(url, "/text", "GET", headers);
      assert.equal(head["content-encoding"], get["content-encoding"], coding);
      assert.equal(head["content-length"], get["content-length"], coding);
    }
  });

  await t.test("a redirect keeps its target, and two cookies stay two", async () => {
    const response = await fetch(`${url}/login`, { redirect: "manual" });
    assert.equal(response.status, 302);
    assert.equal(response.headers.get("location"), "/json");
    assert.deepEqual(response.headers.getSetCookie(), [
      "session=s1; Path=/; HttpOnly",
      "theme=dark; Path=/",
    ]);
    assert.deepEqual(await (await fetch(`${url}/login`)).json(), { hello: "world" });
  });

  await t.test("a known ETag is 304, to GET and HEAD", async () => {
    const tag = (await fetch(`${url}/json`)).headers.get("etag");
    for (const method of [[], ["-I"]]) {
      // fetch would add `Cache-Control: no-cache`.
      const args = ["-sS", ...method, "-w", "%{http_code}", "-o", "/dev/null"];
      const status = await runClient([
        "curl",
        ...args,
        "-H",
        `If-None-Match: ${tag}`,
        `${url}/json`,
      ]);
      assert.equal(status, "304", method.join());
    }
  });

  await t.test("events arrive when they are sent, and a HEAD of them gets a response", async () => {
    const leave = new AbortController();
    const options = { headers: { "Last-Event-ID": "7" }, signal: leave.signal };
    const { body } = await fetch(`${url}/events`, options);
    const { value } = (await body?.getReader().read()) ?? {};
    assert.equal(Buffer.from(value ?? []).toString(), "id: 1\ndata: 7\n\n");
    leave.abort();
    const head = await fetch(`${url}/events`, { method: "HEAD" });
    assert.equal(head.headers.get("content-type"), "text/event-stream; charset=utf-8");
  });

  await t.test("JSON is sent upstream and comes back", async () => {
    const body = JSON.stringify({
      text: "grüße",
      many: Array.from({ length: 5000 }, (_, index) => index),
    });
    const headers = { "Content-Type": "application/json" };
    const response = await fetch(`${url}/echo`, { method: "POST", body, headers });
    assert.equal(await response.text(), body);
  });
});

for (const exposeHeadRoutes of [true, false]) {
  void test(`Fastify with exposeHeadRoutes: ${exposeHeadRoutes} through headgate`, async (t) => {
    const app = Fastify({ exposeHeadRoutes, forceCloseConnections: true });
    app.get("/json", () => ({ hello: "world" }));
    const direct = await app.listen({ port: 0, host: "127.0.0.1" });
    t.after(() => app.close());
    const { url } = await startHeadgate(
      t,
      direct,
      "routes: [{ path: /json, head: auto }, { path: /none, head: { mode: auto, fallbackOn: [404, 405, 501] } }]",
    );
    const own = (await fetch(`${direct}/json`, { method: "HEAD" })).status;
    assert.equal(own, exposeHeadRoutes ? 200 : 404);

    await t.test(`auto alone keeps the framework's own ${own}`, async () => {
      assert.equal((await fetch(`${url}/json`, { method: "HEAD" })).status, own);
    });

    for (const head of ["convert", "{ mode: auto, fallbackOn: [404, 405, 501] }"]) {
      await t.test(`${head} gives the fields of the GET`, async (t2) => {
        const through = await startHeadgate(t2, direct, `head: ${head}`);
        assert.deepEqual(
          await fieldsOf(through.url, "/json", "HEAD"),
          await fieldsOf(through.url, "/json", "GET"),
        );
        assert.equal((await fetch(`${through.url}/none`, { method: "HEAD" })).status, 404);
      });
    }
  });
}

void test("Hono through headgate", async (t) => {
  const app = new Hono();
  for (const path of ["/json", "/own/json"])
    app.get(path, (context) => context.json({ hello: "world" }));
  app.get("/stream", () => new Response(new Blob([TEXT]).stream()));
  const answer = getRequestListener(app.fetch);
  const direct = await listen(t, (request, response) => void answer(request, response));
  const { url } = await startHeadgate(t, direct, "routes: [{ path: /own/*, head: auto }]");

  await t.test("a HEAD has the fields of the GET", async () => {
    assert.deepEqual(await fieldsOf(url, "/json", "HEAD"), await fieldsOf(url, "/json", "GET"));
    const { "transfer-encoding": _framing, ...get } = await fieldsOf(url, "/stream", "GET");
    assert.deepEqual(await fieldsOf(url, "/stream", "HEAD"), get);
  });

  await t.test("with auto it is Hono's own response, which has no length", async () => {
    const head = await fieldsOf(url, "/own/json", "HEAD");
    assert.deepEqual(head, { status: "200", "content-type": "application/json" });
  });
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

/** The status and all fields, except for the time and those of the connection. */
async function fieldsOf(
  url: string,
  path: string,
  method: string,
  headers: Record<string, string> = {},
) {
  const response = await fetch(url + path, { method, headers, redirect: "manual" });
  await response.arrayBuffer();
  const {
    date: _date,
    connection: _connection,
    "keep-alive": _keepAlive,
    ...fields
  } = Object.fromEntries(response.headers);
  return { status: String(response.status), ...fields } as Record<string, string>;
}
