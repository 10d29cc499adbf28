/** Content is streamed with backpressure: headgate stores none of it, with any length and any slow reader. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { type Socket, connect, createServer } from "node:net";
import test, { type TestContext } from "node:test";
import { MEBIBYTE, countContent, pour, untilQuiet } from "../support/flood.ts";
import { listenOn } from "../support/listen.ts";
import { forgetPeak, peakBytes, startRun } from "../support/process.ts";

// HEADGATE_TEST_MEBIBYTES=1024 repeats it with a gibibyte; memory that grows with the content shows at a quarter of that too.
const CONTENT = Number(process.env["HEADGATE_TEST_MEBIBYTES"] ?? 256) * MEBIBYTE;
const MAX_GROWTH = 48 * MEBIBYTE;

test("a download of hundreds of megabytes needs only a few megabytes of memory", async (t) => {
  const upstream = await startUpstream(t, async (socket) => {
    await countContent(socket).head;
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${CONTENT}\r\n\r\n`);
    await pour(socket, CONTENT);
  });
  const { client, growth } = await startClient(t, upstream);
  const answer = countContent(client);
  client.write("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
  await answer.reached(CONTENT);
  assert.equal(answer.count(), CONTENT);
  assertSmall(growth());
});

test("an upload of hundreds of megabytes needs only a few megabytes of memory", async (t) => {
  const upstream = await startUpstream(t, async (socket) => {
    const content = countContent(socket);
    await content.reached(CONTENT);
    socket.write(
      `HTTP/1.1 200 OK\r\nContent-Length: ${String(content.count()).length}\r\n\r\n${content.count()}`,
    );
  });
  const { client, growth } = await startClient(t, upstream);
  const answer = countContent(client);
  client.write(`PUT /large HTTP/1.1\r\nHost: a\r\nContent-Length: ${CONTENT}\r\n\r\n`);
  await pour(client, CONTENT);
  assert.match(await answer.head, /^HTTP\/1\.1 200 /);
  assertSmall(growth());
});

test("four clients that stopped reading occupy no memory in headgate, and get all of their content later", async (t) => {
  const length = 32 * MEBIBYTE;
  let poured = 0;
  const upstream = await startUpstream(t, async (socket) => {
    await countContent(socket).head;
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`);
    for (let sent = 0; sent < length; sent += MEBIBYTE) {
      await pour(socket, MEBIBYTE);
      poured += MEBIBYTE;
    }
  });
  const { client, growth, another } = await startClient(t, upstream);
  const clients = [client, await another(), await another(), await another()];
  const answers = clients.map((each) => {
    const answer = countContent(each);
    each.write("GET /large HTTP/1.1\r\nHost: a\r\n\r\n");
    return answer;
  });
  await Promise.all(answers.map(({ head }) => head));
  for (const each of clients) each.pause();
  const stalledAt = await untilQuiet(() => poured, 300);
  assert.ok(stalledAt < 4 * length, "the upstream meets the clients' backpressure");
  assertSmall(growth());

  for (const each of clients) each.resume();
  await Promise.all(answers.map((answer) => answer.reached(length)));
  assertSmall(growth());
});

test("four uploads to an upstream that stopped reading occupy no memory in headgate", async (t) => {
  const length = 32 * MEBIBYTE;
  const sockets: Socket[] = [];
  const upstream = await startUpstream(t, async (socket) => {
    sockets.push(socket);
    const content = countContent(socket);
    await content.head;
    socket.pause();
    await content.reached(length);
    socket.write("HTTP/1.1 204 No Content\r\n\r\n");
  });
  const { client, growth, another } = await startClient(t, upstream);
  const clients = [client, await another(), await another(), await another()];
  let poured = 0;
  const answers = clients.map((each) => {
    const answer = countContent(each);
    each.write(`PUT /large HTTP/1.1\r\nHost: a\r\nContent-Length: ${length}\r\n\r\n`);
    void (async () => {
      for (let sent = 0; sent < length; sent += MEBIBYTE) {
        await pour(each, MEBIBYTE);
        poured += MEBIBYTE;
      }
    })();
    return answer;
  });
  const stalledAt = await untilQuiet(() => poured, 300);
  assert.ok(stalledAt < 4 * length, "the clients meet the upstream's backpressure");
  assertSmall(growth());

  for (const socket of sockets) socket.resume();
  for (const answer of answers) assert.match(await answer.head, /^HTTP\/1\.1 204 /);
  assertSmall(growth());
});

async function startUpstream(
  t: TestContext,
  serve: (socket: Socket) => Promise<void>,
): Promise<number> {
  const server = createServer((socket) => {
    // The warm-up's connection ends with the test, while it waits for a second request.
    serve(socket).catch(() => undefined);
  });
  return listenOn(t, server);
}

/** A headgate that has compiled its code and then reset its peak, so that only content makes it grow. */
async function startClient(t: TestContext, upstreamPort: number) {
  const headgate = await startRun(t, ["--upstream", `http://127.0.0.1:${upstreamPort}`]);
  const another = async (): Promise<Socket> => {
    const socket = connect({ host: "127.0.0.1", port: headgate.port, noDelay: true });
    t.after(() => void socket.destroy());
    await once(socket, "connect");
    return socket;
  };
  const client = await another();
  forgetPeak(headgate.pid);
  const before = peakBytes(headgate.pid);
  return { client, another, growth: () => peakBytes(headgate.pid) - before };
}

function assertSmall(growth: number): void {
  assert.ok(growth < MAX_GROWTH, `memory grew by ${Math.round(growth / MEBIBYTE)} MiB`);
}
