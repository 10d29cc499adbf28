/** Faults that are put back, to check that the simulation detects them. */

import type { Mutation } from "./bundle.ts";

const POOL = "src/upstream/pool.ts";
const CONNECTION = "src/upstream/upstream-connection.ts";

/** Each fault by its effect. A mutation may need several changes. */
export const MUTATIONS: Readonly<Record<string, readonly Mutation[]>> = {
  "a request that is sent again waits at the end of the queue": [
    {
      file: POOL,
      from: "const next = retry ?? takeNextOf(owner) ?? takeNext();",
      to: "if (retry !== undefined) wait(retry);\n      const next = takeNext();",
    },
  ],
  "a response that takes too long counts as a dead connection": [
    {
      file: CONNECTION,
      from: 'fail(toTimeout(), "final")',
      to: 'fail(toTimeout(), "no_response")',
    },
    {
      file: "src/upstream/call.ts",
      from: "return this.deadlineMs === undefined || performance.now() < this.deadlineMs;",
      to: "this.deadlineMs = undefined;\n    return true;",
    },
  ],
  "bytes that come before the request has left are its response": [
    {
      file: CONNECTION,
      from: 'if (!isSent) return fail(new ProxyError("response_unsolicited"), "unsent");',
      to: "if (!isSent && receiver !== undefined) parser.begin(receiver.request.method);",
    },
  ],
  "an end that comes before the request has left fails it": [
    {
      file: CONNECTION,
      from: 'if (!isSent) return fail(new ProxyError("connection_terminated"), "unsent");',
      to: 'if (!isSent) return fail(new ProxyError("connection_terminated"), "no_response");',
    },
  ],
  "a side that was paused counts as silent": [
    {
      file: CONNECTION,
      from: "if (idleMs === 0 || isPaused) return Infinity;",
      to: "if (idleMs === 0) return Infinity;",
    },
  ],
  "a write that the kernel refused counts as sent": [
    {
      file: CONNECTION,
      from: 'if (socket.isWriteBroken()) return fail(new ProxyError("connection_terminated"), "unsent");',
      to: "",
    },
  ],
  "a connection that broke stays in the pool until its close": [
    {
      file: "src/upstream/connect.ts",
      from: '.on("error", (error) => fail(toError(error)))',
      to: '.on("error", () => undefined)',
    },
  ],
  "a connection is used after its time": [
    { file: POOL, from: "if (next.expiresMs > nowMs) return next;", to: "return next;" },
    {
      file: POOL,
      from: "if (connection.expiresMs <= nowMs) connection.close();\n      else",
      to: "",
    },
  ],
  "a connection with a login is shared": [
    {
      file: POOL,
      from: "if (connection.owner !== undefined) return keepFor(connection.owner, connection);",
      to: "",
    },
  ],
  "a client's request leaves its connection while content is drained there": [
    {
      file: POOL,
      from: "if (own !== undefined && !ownedIdle.has(own)) wait(pending);\n      else start(pending, take(own));",
      to: "start(pending, take(own !== undefined && ownedIdle.has(own) ? own : undefined));",
    },
  ],
  "a drain on a connection with a login outlives its client": [
    {
      file: POOL,
      from: 'owner.onClosed(() => owned.get(owner)?.abandon(new ProxyError("client_gone")));',
      to: "",
    },
    {
      file: POOL,
      from: "if (isClosed || owner.isClosed() || findNext()",
      to: "if (isClosed || findNext()",
    },
  ],
  "a closed connection is still counted": [
    {
      file: POOL,
      from: "all.delete(connection);",
      to: "if (retry === undefined) all.delete(connection);",
    },
  ],
  "a request that waits is not woken": [
    {
      file: POOL,
      from: "const next = retry ?? takeNextOf(owner) ?? takeNext();",
      to: "const next = retry;",
    },
  ],
  "a request is sent a second time although a byte of its response came": [
    {
      file: CONNECTION,
      from: 'const isSilent = broken.code === "connection_terminated" && !parser.hasBegun();',
      to: 'const isSilent = broken.code === "connection_terminated";',
    },
  ],
  "a DELETE is sent twice": [
    {
      file: "src/upstream/connection-request.ts",
      from: '(method === "GET" ||',
      to: '(method === "GET" || method === "DELETE" ||',
    },
  ],
  "what is left of an upload is taken for the next request": [
    {
      file: CONNECTION,
      from: "if (socket.isFlushed() || !canReuse) giveBack(canReuse);",
      to: "if (socket.isFlushed() || !canReuse || exchanges > 0) giveBack(isReusable);",
    },
  ],
  "the watchdog comes late": [
    {
      file: "src/upstream/watchdog.ts",
      from: "Math.max(1, Math.ceil(due - performance.now()))",
      to: "Math.max(1, Math.ceil(2 * (due - performance.now())))",
    },
  ],
  "HEADs of all targets share one response": [
    {
      file: "src/head/share/store.ts",
      from: "return `${host}\\n${path}`;",
      to: "return path === undefined ? '' : host;",
    },
  ],
  "an error of one HEAD is that of all who wait": [
    {
      file: "src/head/share/share.ts",
      from: "(isEqual(waiter, request) ? result : again)",
      to: "(isEqual(waiter, request) || again !== undefined ? result : again)",
    },
  ],
  "a client that leaves keeps its request going": [
    {
      file: "src/proxy/handler.ts",
      from: "roundTrip?.onClientGone(exchange.error);",
      to: "",
    },
  ],
  "a tunnel that was asked for in vain keeps its place": [
    { file: "src/proxy/upgrade.ts", from: "release();", to: "if (exchange.tunnel) release();" },
  ],
  "a truncated response looks whole": [
    {
      file: "src/http/wire/response-parser.ts",
      from: 'if (state !== "idle") throw new ProxyError("http_response_incomplete");',
      to: 'if (state !== "idle") end([], false);',
    },
  ],
};
