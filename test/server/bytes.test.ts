import assert from "node:assert/strict";
import { once } from "node:events";
import { type Socket, connect } from "node:net";
import test, { type TestContext } from "node:test";

import { toLocalResponse } from "../../src/http/local-response.ts";
import { parseResponseHead } from "../../src/http/wire/response-head.ts";
import { checkRequest } from "../../src/http/request.ts";
import type { ServerRequest, ServerResponse } from "../../src/server/server-handler.ts";
import { respondLocally, relayInterim } from "../../src/proxy/relay.ts";
import { listen } from "../support/server.ts";

/** Sends bytes to a server that responds with `respond`, and resolves with all that came back (latin1). */
async function exchange(
  t: TestContext,
  sent: string,
  respond: (request: ServerRequest, response: ServerResponse) => void,
): Promise<string> {
  const { port } = await listen(t, respond);
  const client = connect(port, "127.0.0.1").setEncoding("latin1");
  client.write(sent, "latin1");
  let received = "";
  for await (const text of client) received += String(text);
  return received;
}

const END = "Connection: close\r\n\r\n";

// Symptom: the echo of a TRACE with a byte beyond ASCII was longer than its Content-Length, and its last bytes stood where the next
// response begins. Root cause: the length was counted in latin1, the body written in UTF-8. Fix: both use latin1.
test("the echo of a TRACE is the bytes that the client sent, with their Content-Length", async (t) => {
  const sent = `TRACE / HTTP/1.1\r\nHost: h\r\nMax-Forwards: 0\r\nX: \xe9\xe8\r\n${END}`;
  const received = await exchange(t, sent, (request, response) => {
    const answer = toLocalResponse(request, checkRequest(request, 100));
    assert.ok(answer);
    respondLocally(answer, response);
  });
  const body = received.slice(received.indexOf("\r\n\r\n") + 4);
  assert.equal(body, sent);
  assert.match(received, new RegExp(`\r\nContent-Length: ${body.length}\r\n`));
});

// Symptom: an upstream's reason phrase became fields of an interim response. Root cause: it was decoded as UTF-8, where U+010D and U+010A,
// written in latin1, are CR LF. Fix: the bytes stay as they were received.
test("an interim response keeps the bytes of its reason phrase, and has no framing", async (t) => {
  const lines = ["Link: </a>; rel=preload", "Content-Length: 7", "Trailer: x", "Connection: x"];
  const head = `HTTP/1.1 103 \xc4\x8d\xc4\x8aX-Injected: 1\r\n${lines.join("\r\n")}\r\n`;
  const received = await exchange(
    t,
    `GET / HTTP/1.1\r\nHost: h\r\n${END}`,
    (_request, response) => {
      relayInterim(parseResponseHead(head), response);
      response.writeHead(204, "No Content", []);
      response.end();
    },
  );
  const [interim = ""] = received.split("\r\n\r\n");
  assert.deepEqual(interim.split("\r\n"), [
    "HTTP/1.1 103 \xc4\x8d\xc4\x8aX-Injected: 1",
    "Link: </a>; rel=preload",
  ]);
});

// Symptom: headgate sent a request upstream without the client's address, as if it were headgate's own. The client had reset the connection
// right after the request. Root cause: the kernel forgets the peer's address at the reset.
test("a request is served only if its client's address is known", async (t) => {
  const addresses: (string | undefined)[] = [];
  const { port } = await listen(t, (request, response) => {
    addresses.push(request.peer.remoteAddress);
    response.writeHead(204, "No Content", []);
    response.end();
  });
  const open = async (): Promise<Socket> => {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    return socket;
  };
  for (let count = 0; count < 5; count += 1) {
    const gone = await open();
    gone.write("GET /gone HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n");
    gone.resetAndDestroy();
  }
  const last = await open();
  last.write(`GET / HTTP/1.1\r\nHost: h\r\n${END}`);
  last.resume();
  await once(last, "close");
  assert.equal(addresses.at(-1), "127.0.0.1");
  assert.ok(!addresses.includes(undefined));
});
