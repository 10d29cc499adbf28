// FastAPI's WebSocket on uvicorn's implementation, with the ws client: two independent peers.

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, it } from "node:test";
import { WebSocket } from "ws";

import { type Stack, curl, describeReal, startStack } from "./stack.ts";

describeReal("a FastAPI WebSocket behind headgate", () => {
  let stack: Stack;
  before(async () => {
    stack = await startStack();
  });
  after(() => stack.stop());

  const open = (path: string): WebSocket => {
    const headers = { "X-Forwarded-For": "203.0.113.7", Cookie: "session=s1" };
    return new WebSocket(`${stack.proxied.replace("http", "ws")}${path}`, ["echo.v1"], { headers });
  };
  const next = async (socket: WebSocket): Promise<Buffer> => {
    const [data] = (await once(socket, "message")) as [Buffer];
    return data;
  };

  it("opens with the subprotocol, the cookie and the client's address", async () => {
    const socket = open("/echo");
    const hello = JSON.parse((await next(socket)).toString()) as unknown;
    assert.deepEqual(hello, { client: "203.0.113.7", cookie: "session=s1" });
    assert.equal(socket.protocol, "echo.v1");
    socket.terminate();
  });

  it("echoes texts, and binary messages of a megabyte", async () => {
    const socket = open("/echo");
    await next(socket);
    socket.send("grüße");
    assert.equal((await next(socket)).toString(), "grüße");
    const content = Buffer.alloc(1024 * 1024, "0123456789abcdef-");
    socket.send(content);
    assert.ok(content.equals(await next(socket)));
    socket.terminate();
  });

  it("passes the app's close code to the client", async () => {
    const socket = open("/echo");
    await next(socket);
    socket.send("close");
    assert.equal((await once(socket, "close"))[0], 4001);
  });

  it("notifies the app that the client is gone", async () => {
    const socket = open("/echo");
    await next(socket);
    socket.terminate();
    assert.equal(await curl(`${stack.direct}/gates/websocket-gone`), '"websocket-gone"');
  });

  it("is 403 if the app refuses it", async () => {
    const [error] = (await once(open("/refused"), "error")) as [Error];
    assert.match(error.message, /403/);
  });
});
