import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import {
  Agent,
  type ClientRequest,
  type IncomingMessage,
  createServer,
  request as send,
} from "node:http";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { BASE, type Edited, startBinary, toEdited } from "../support/binary.ts";
import { listenOn } from "../support/listen.ts";
import {
  INSPECTED,
  type LiveMemory,
  measureLiveMemory,
  toInspectorUrl,
} from "../support/live-memory.ts";
import { makeDirectory } from "../support/route-file.ts";

const RELOADS = 200;
const CLIENTS = 8;
const MAX_GROWTH_BYTES = 2 * 1024 ** 2;
const BODY = "hello, whoever you are";

test(`${RELOADS} reloads under constant load lose no request and leak nothing`, async (t) => {
  const url = await startBackend(t);
  const headgate = await startInspected(t, toYaml(url, 0));
  // Runs everything once first: code and memory that are allocated at first use are no leak.
  const idle = readUsage(headgate.pid);
  await underLoad(headgate, url, 40);
  const before = await measure(headgate, idle.files);

  const served = await underLoad(headgate, url, RELOADS);
  assert.ok(served > RELOADS, `only ${served} requests met ${RELOADS} reloads`);

  const after = await measure(headgate, before.files);
  assert.deepEqual([after.files, after.watches], [before.files, before.watches]);
  for (const kind of ["objects", "external"] as const) {
    const growth = after.memory[kind] - before.memory[kind];
    assert.ok(growth < MAX_GROWTH_BYTES, `${kind} grew by ${growth} bytes`);
  }
});

/** Starts headgate with an inspector, which measures the live memory. */
async function startInspected(t: TestContext, yaml: string): Promise<Edited> {
  const cwd = await makeDirectory(t, { "routes.yaml": BASE + yaml });
  const args = ["run", "--config", join(cwd, "routes.yaml")];
  return toEdited(await startBinary(t, { args, cwd, env: { NODE_OPTIONS: INSPECTED } }), cwd);
}

/** Reloads that often while clients send requests all the time; resolves with the number of requests, each of which got its response. */
async function underLoad(headgate: Edited, url: string, reloads: number): Promise<number> {
  await editAndAsk(headgate, toYaml(url, 0));
  const clients = Array.from({ length: CLIENTS }, (_, index) => startClient(headgate.port, index));
  for (let count = 1; count <= reloads; count += 1) {
    const isWrong = count % 10 === 0;
    const answer = await editAndAsk(headgate, isWrong ? "upstream: [\n" : toYaml(url, count));
    assert.equal(answer.status, isWrong ? 422 : 200, answer.text);
  }
  const served = await Promise.all(clients.map((client) => client.stop()));
  return served.reduce((sum, one) => sum + one, 0);
}

/** Every second reload replaces the upstream's connections, each one the routes. */
function toYaml(url: string, count: number): string {
  const host = count % 4 < 2 ? "preserve" : "upstream";
  const routes = Array.from({ length: (count % 5) + 1 }, (_, index) => `{ path: /${index}/* }`);
  return `upstream: { url: "${url}", host: ${host} }\nroutes: [${routes.join(", ")}]\n`;
}

/** One client on one persistent connection: GET, HEAD and POST in turn, each checked. */
function startClient(port: number, number: number): { stop(): Promise<number> } {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let isRunning = true;
  let served = 0;
  const loop = (async () => {
    while (isRunning) {
      const method = ["GET", "HEAD", "POST"][served % 3] ?? "GET";
      const path = `/${number}/${served}`;
      const request = send({ agent, port, host: "127.0.0.1", method, path });
      const answer = await ask(request, method === "POST" ? BODY : undefined);
      const wanted = { status: 200, text: method === "HEAD" ? "" : BODY };
      assert.deepEqual(answer, wanted, `${method} ${path}`);
      served += 1;
    }
  })();
  // Awaited at the end only; until then a failure is not unhandled.
  loop.catch(() => undefined);
  return {
    async stop() {
      isRunning = false;
      await loop;
      agent.destroy();
      return served;
    },
  };
}

/** Responds to GET and POST, and refuses HEAD. */
async function startBackend(t: TestContext): Promise<string> {
  const server = createServer((request, response) => {
    response.statusCode = request.method === "HEAD" ? 405 : 200;
    request.resume().once("end", () => response.end(BODY));
  });
  return `http://127.0.0.1:${await listenOn(t, server)}`;
}

interface Usage {
  /** Open files, including sockets. */
  readonly files: number;
  /** Directories that inotify watches. */
  readonly watches: number;
}

/** The process's resources when no request is in flight and the upstream is another one, so that no connection is needed any more. */
async function measure(
  headgate: Edited,
  atMost: number,
): Promise<Usage & { readonly memory: LiveMemory }> {
  const answer = await editAndAsk(headgate, "upstream: http://127.0.0.1:9\n");
  assert.equal(answer.status, 200);
  const patience = AbortSignal.timeout(10_000);
  for (;;) {
    const usage = readUsage(headgate.pid);
    if (usage.files <= atMost || patience.aborted) {
      const url = toInspectorUrl(headgate.stderr());
      assert.ok(url !== undefined, headgate.stderr());
      return { ...usage, memory: await measureLiveMemory(url) };
    }
    await new Promise((resolve) => setTimeout(resolve, 20)); // closing needs the peer's FIN as well
  }
}

function readUsage(pid: number): Usage {
  const files = readdirSync(`/proc/${pid}/fdinfo`);
  const infos = files.map((file) => readInfo(`/proc/${pid}/fdinfo/${file}`));
  return {
    files: files.length,
    watches: infos.join("").match(/^inotify /gm)?.length ?? 0,
  };
}

function readInfo(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    assert.match(String(error), /ENOENT/); // closed since it was listed
    return "";
  }
}

/** Over a new connection each time, so that none of the test's is counted. */
async function editAndAsk(
  { file, adminPort }: Edited,
  yaml: string,
): Promise<{ readonly status: number | undefined; readonly text: string }> {
  writeFileSync(file, BASE + yaml);
  const path = "/reload";
  return ask(send({ agent: false, port: adminPort, host: "127.0.0.1", method: "POST", path }));
}

async function ask(
  request: ClientRequest,
  content?: string,
): Promise<{ readonly status: number | undefined; readonly text: string }> {
  request.end(content);
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  let text = "";
  for await (const chunk of answer) text += String(chunk);
  return { status: answer.statusCode, text };
}
