// Real clients of HTTP/2 before one backend of HTTP/1.1: curl, nghttp2's programs, httpx and Chromium.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { WebSocketServer } from "ws";

import { openBrowser, withoutBrowser } from "../support/browser.ts";
import { listenOn } from "../support/listen.ts";
import { startProcess } from "../support/process.ts";
import { PYTHON, createFolder, runClient, testReal } from "../support/real.ts";
import { makeCertificate } from "../support/tls-origin.ts";

const BIG = 5_000_000;

/** Refuses HEAD, sends a large file, counts uploads, and echoes WebSocket messages. */
async function startBackend(t: TestContext): Promise<number> {
  const server = createServer((request, response) => {
    if (request.method === "HEAD") return void response.writeHead(405, { allow: "GET" }).end();
    if (request.url === "/big") return void response.end(Buffer.alloc(BIG, "x"));
    if (request.url === "/") {
      response.setHeader("content-type", "text/html");
      return void response.end("<title>backend</title>");
    }
    let size = 0;
    request.on("data", (bytes: Buffer) => (size += bytes.length));
    request.on("end", () => response.end(`${request.method} ${size}`));
  });
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (socket) =>
    socket.on("message", (text: Buffer) => socket.send(text.toString())),
  );
  return listenOn(t, server);
}

interface Ports {
  readonly plain: string;
  readonly secure: string;
  /** The file of the certificate's authority. */
  readonly ca: string;
}

async function start(t: TestContext): Promise<Ports> {
  const backend = await startBackend(t);
  const { file, keyFile } = makeCertificate(t, "DNS:localhost,IP:127.0.0.1");
  const routes = join(createFolder(t), "routes.yaml");
  const yaml = `listen:
  - { address: 127.0.0.1:0, http2: true }
  - { address: 127.0.0.1:0, http2: true, tls: { cert: ${file}, key: ${keyFile} } }
admin: off
upstream: http://127.0.0.1:${backend}
`;
  writeFileSync(routes, yaml);
  const { printed } = startProcess(t, ["run", "--config", routes]);
  const [, plain = ""] = await printed(/http:\/\/(127\.0\.0\.1:\d+)/);
  const [, secure = ""] = await printed(/https:\/\/(127\.0\.0\.1:\d+)/);
  return { plain: `http://${plain}`, secure: `https://${secure}`, ca: file };
}

testReal(
  "curl over HTTP/1.1, over HTTP/2 with TLS, and with prior knowledge",
  { curl: "curl" },
  async (t) => {
    const { plain, secure, ca } = await start(t);
    const body = "x".repeat(300_000);
    for (const [version, url, ...options] of [
      ["1.1", plain, "--http1.1"],
      ["2", plain, "--http2-prior-knowledge"],
      ["1.1", secure, "--http1.1", "--cacert", ca],
      ["2", secure, "--http2", "--cacert", ca],
    ] as const) {
      const curl = (...more: string[]) =>
        runClient(["curl", "--silent", "--show-error", ...options, ...more], { input: body });
      assert.equal(
        await curl("-I", "-o", "/dev/null", "-w", "%{http_version} %{http_code}", `${url}/`),
        `${version} 200`,
      );
      assert.equal(await curl("-T", "-", `${url}/put`), `PUT ${body.length}`);
      assert.equal(await curl("--data-binary", "@-", `${url}/post`), `POST ${body.length}`);
      assert.equal(
        await curl("-o", "/dev/null", "-w", "%{size_download}", `${url}/big`),
        String(BIG),
      );
    }
  },
);

testReal(
  "h2load and nghttp: many streams at once, and a large response",
  { h2load: "nghttp2-client" },
  async (t) => {
    const { plain, secure } = await start(t);
    for (const url of [plain, secure]) {
      const said = await runClient(["h2load", "-n", "2000", "-c", "4", "-m", "50", `${url}/`]);
      assert.match(said, /2000 done, 2000 succeeded, 0 failed/);
      assert.match(said, /status codes: 2000 2xx/);
    }
    assert.equal((await runClient(["nghttp", "--no-verify-peer", `${secure}/big`])).length, BIG);
    const head = await runClient(["nghttp", "-v", "-H:method: HEAD", `${plain}/`]);
    assert.match(head, /:status: 200/);
  },
);

const HTTPX = `
import sys, httpx
with httpx.Client(http2=True, verify=sys.argv[2]) as client:
    head = client.head(sys.argv[1] + "/")
    put = client.put(sys.argv[1] + "/put", content=(b"x" * 1000 for _ in range(300)))
    print(head.http_version, head.status_code, put.text)
`;

testReal(
  "httpx with HTTP/2",
  { "python:httpx": "python3-httpx", "python:h2": "python3-h2" },
  async (t) => {
    const { secure, ca } = await start(t);
    const said = await runClient([PYTHON, "-c", HTTPX, secure, ca]);
    assert.equal(said.trim(), "HTTP/2 200 PUT 300000");
  },
);

/** A script of the page: the protocol of the page itself, and what came of a HEAD, an upload and a WebSocket. */
const IN_PAGE = `(async () => {
  const [entry] = performance.getEntriesByType("navigation");
  const head = await fetch("/x", { method: "HEAD" });
  const put = await fetch("/put", { method: "PUT", body: "x".repeat(200_000) });
  const socket = new WebSocket(location.href.replace(/^http/, "ws"));
  const echo = await new Promise((resolve) => {
    socket.onopen = () => socket.send("hello");
    socket.onmessage = ({ data }) => resolve(data);
    socket.onerror = () => resolve("failed");
  });
  socket.close();
  return [entry.nextHopProtocol, head.status, await put.text(), echo];
})()`;

test(
  "Chromium over TLS: pages, HEADs, uploads and a WebSocket on one connection of HTTP/2",
  { skip: withoutBrowser },
  async (t) => {
    const { secure } = await start(t);
    const browser = await openBrowser();
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    t.after(() => context.close());
    const page = await context.newPage();
    await page.goto(secure);
    const seen: unknown = await page.evaluate(IN_PAGE);
    assert.deepEqual(seen, ["h2", 200, "PUT 200000", "hello"]);
  },
);
