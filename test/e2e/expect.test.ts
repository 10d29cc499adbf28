/**
 * Uploads with Expect: 100-continue (RFC 9110 §10.1.1), and methods of any name: real clients and real backends with headgate between them.
 */

import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import test, { type TestContext } from "node:test";
import { promisify } from "node:util";

import { startRun } from "../support/process.ts";

const run = promisify(execFile);
const UPLOAD_BYTES = 300_000;

const ASGI = `
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    length = 0
    status = 401 if scope["path"] == "/refuse" else 200
    if status == 200:
        more = True
        while more:
            message = await receive()
            length += len(message.get("body", b""))
            more = message.get("more_body", False)
    text = f"{scope['method']} {length}".encode()
    headers = [(b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text})
`;
const WSGI = `
def app(environ, start_response):
    refused = environ["PATH_INFO"] == "/refuse"
    length = 0 if refused else len(environ["wsgi.input"].read())
    text = f"{environ['REQUEST_METHOD']} {length}".encode()
    status = "401 Unauthorized" if refused else "200 OK"
    start_response(status, [("Content-Length", str(len(text)))])
    return [text]
`;
const NODE = `
const { createServer } = require("node:http");
const answer = (request, response, length) =>
  response.end(\`\${request.method} \${length}\`);
const read = (request, response) => {
  let length = 0;
  request.on("data", (bytes) => void (length += bytes.length));
  request.on("end", () => answer(request, response, length));
};
const server = createServer(read);
server.on("checkContinue", (request, response) => {
  if (request.url === "/refuse") { response.statusCode = 401; return answer(request, response, 0); }
  response.writeContinue();
  read(request, response);
});
server.listen(0, "127.0.0.1", () => console.error("http://127.0.0.1:" + server.address().port));
`;

/** gunicorn sends 100 before its app sees the request, so the client uploads content that the app refuses. */
const BACKENDS = {
  uvicorn: {
    file: "asgi_app.py",
    source: ASGI,
    command: ["uvicorn", "--port", "0", "--log-level", "info", "asgi_app:app"],
    asksAtOnce: false,
    isAnyMethod: false,
  },
  gunicorn: {
    file: "wsgi_app.py",
    source: WSGI,
    command: ["gunicorn", "-b", "127.0.0.1:0", "wsgi_app:app"],
    asksAtOnce: true,
    isAnyMethod: true,
  },
  "node's http": {
    file: "server.cjs",
    source: NODE,
    command: [process.execPath, "server.cjs"],
    asksAtOnce: false,
    isAnyMethod: false,
  },
};

for (const [name, backend] of Object.entries(BACKENDS)) {
  const [command = ""] = backend.command;
  const skip = findMissing(command, "curl", "python3");
  test(
    `${name}: content that its app refuses by the header section is not uploaded, and content that it accepts is`,
    { skip },
    async (t) => {
      const port = await start(t, backend);
      const url = `http://127.0.0.1:${port}`;

      for (const [client, upload] of Object.entries(CLIENTS)) {
        const taken = await upload(`${url}/take`);
        assert.deepEqual(taken, { status: 200, body: `POST ${UPLOAD_BYTES}` }, client);
        const refused = await upload(`${url}/refuse`);
        assert.deepEqual(refused, { status: 401, body: "POST 0" }, client);
      }

      const sent = ["-s", "-o", "/dev/null", "-w", "%{http_code} %{size_upload}", "--data-binary"];
      const expect = ["--expect100-timeout", "60", "-H", "Expect: 100-continue"];
      const { stdout } = await run("curl", [
        ...sent,
        "x".repeat(50_000),
        ...expect,
        `${url}/refuse`,
      ]);
      if (backend.asksAtOnce) assert.match(stdout, /^401 /);
      else assert.equal(stdout, "401 0", "not a byte was asked for");
    },
  );

  if (!backend.isAnyMethod) continue; // it refuses unknown methods itself
  test(`${name}: an unknown method reaches the app`, { skip }, async (t) => {
    const port = await start(t, backend);
    for (const method of ["VERSION-CONTROL", "CCM_POST"]) {
      const { stdout } = await run("curl", ["-s", "-X", method, `http://127.0.0.1:${port}/take`]);
      assert.equal(stdout, `${method} 0`);
    }
  });
}

type Upload = (url: string) => Promise<{ readonly status: number; readonly body: string }>;

/** Waits for the response to a header section, and sends the content only after a 100. */
const PYTHON = `
import http.client, sys, urllib.parse
url = urllib.parse.urlsplit(sys.argv[1])
connection = http.client.HTTPConnection(url.netloc, timeout=60)
connection.putrequest("POST", url.path)
connection.putheader("Content-Length", "${UPLOAD_BYTES}")
connection.putheader("Expect", "100-continue")
connection.endheaders()
start = connection.sock.recv(12, 2)
while len(start) < 12:
    start = connection.sock.recv(12, 2)
if start == b"HTTP/1.1 100":
    connection.send(b"x" * ${UPLOAD_BYTES})
response = connection.getresponse()
print(response.status, response.read().decode(), end="")
`;

const CLIENTS: Readonly<Record<string, Upload>> = {
  async curl(url) {
    const file = mkdtempSync(join(tmpdir(), "headgate-upload-"));
    try {
      writeFileSync(join(file, "upload"), "x".repeat(UPLOAD_BYTES));
      const expect = ["--expect100-timeout", "60", "-H", "Expect: 100-continue"];
      const data = ["--data-binary", `@${join(file, "upload")}`];
      const { stdout } = await run("curl", ["-s", "-w", "\n%{http_code}", ...expect, ...data, url]);
      const [body = "", status] = stdout.split("\n");
      return { status: Number(status), body };
    } finally {
      rmSync(file, { recursive: true });
    }
  },
  async "Python's http.client"(url) {
    const { stdout } = await run("python3", ["-c", PYTHON, url]);
    return { status: Number(stdout.slice(0, 3)), body: stdout.slice(4) };
  },
  async "node's http"(url) {
    const headers = { Expect: "100-continue", "Content-Length": UPLOAD_BYTES };
    const upload = request(url, { method: "POST", headers });
    upload.on("continue", () => void upload.end("x".repeat(UPLOAD_BYTES)));
    upload.flushHeaders();
    const [response] = (await once(upload, "response")) as [
      AsyncIterable<Buffer> & { readonly statusCode: number },
    ];
    let body = "";
    for await (const chunk of response) body += chunk.toString();
    upload.destroy();
    return { status: response.statusCode, body };
  },
};

/** Starts a backend, and headgate before it; returns headgate's port. */
async function start(
  t: TestContext,
  { file, source, command: [command = "", ...args] }: (typeof BACKENDS)["uvicorn"],
): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "headgate-expect-"));
  writeFileSync(join(folder, file), source);
  const child = spawn(command, args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  t.after(async () => {
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  });
  const url = await new Promise<string>((resolve, reject) => {
    child.once("exit", () => reject(new Error(`${command} ended`)));
    createInterface(child.stderr).on("line", (line) => {
      const [found] = /http:\/\/127\.0\.0\.1:\d+/.exec(line) ?? [];
      if (found !== undefined) resolve(found);
    });
  });
  const headgate = await startRun(t, ["--upstream", url]);
  return headgate.port;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}

function findMissing(...commands: readonly string[]): string | false {
  const missing = commands.filter((command) => spawnSync(command, ["--version"]).status !== 0);
  return missing.length > 0 && `it needs ${missing.join(" and ")}`;
}
