// Symptom: after an NTLM or Negotiate handshake a stranger's request was served as the client that had logged in.
// Root cause: such a login belongs to the connection, and the upstream connection went back to the pool.
// Fix: from the first challenge on, the upstream connection belongs to the client connection, and ends with it.

import assert from "node:assert/strict";
import test from "node:test";

import { type Arrival, startOrigin } from "../support/origin.ts";
import { toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";
import { openWire } from "../support/wire.ts";

/** A backend that logs connections in, as IIS does, in two steps. */
function createLogins(filler = "") {
  const users = new Map<number, string>();
  const steps = new Map<number, number>();
  return async (request: Arrival): Promise<void> => {
    await request.completed;
    const { number } = request.connection;
    const [, token] =
      request.lines
        .map((line) => /^authorization: NTLM (.*)$/i.exec(line) ?? [])
        .find(([all]) => all !== undefined) ?? [];
    const user = users.get(number);
    const say = (status: string, fields: string, body: string): void =>
      request.write(
        `HTTP/1.1 ${status}\r\n${fields}Content-Length: ${body.length}\r\n\r\n${request.method === "HEAD" ? "" : body}`,
      );
    if (user !== undefined) return say("200 OK", "", `you are ${user}`);
    if (token === undefined) return say("401 No", "WWW-Authenticate: NTLM\r\n", filler);
    const step = (steps.get(number) ?? 0) + 1;
    steps.set(number, step);
    if (step === 1) return say("401 No", "WWW-Authenticate: NTLM challenge\r\n", filler);
    users.set(number, token);
    return say("200 OK", "", `you are ${token}`);
  };
}

const ask = (user?: string, method = "GET"): string =>
  toRequest(`${method} /`, user === undefined ? [] : [`Authorization: NTLM ${user}`]);

test("a connection's login is for its client alone, and lasts for that client's requests", async (t) => {
  const origin = await startOrigin(t, createLogins());
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const [alice, mallory] = [await openWire(t, sidecar.port), await openWire(t, sidecar.port)];
  for (const status of [401, 401, 200]) {
    alice.write(ask(status === 401 && origin.arrivals.length === 0 ? undefined : "alice"));
    assert.equal((await alice.readResponse()).status, status);
  }
  mallory.write(ask());
  assert.equal((await mallory.readResponse()).status, 401);
  alice.write(ask());
  assert.equal((await alice.readResponse()).body.toString(), "you are alice");
  assert.equal(origin.connections.length, 2);
});

test("the response to a HEAD on such a connection is not shared", async (t) => {
  // Symptom: with `share` the response to a logged-in client's HEAD was given to strangers.
  // Root cause: only Authorization and Cookie kept a HEAD from sharing, and a connection's login needs neither.
  // Fix: a response on a connection with a login is for its client alone.
  const origin = await startOrigin(t, createLogins());
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml: "head: { share: 1m }" });
  const [alice, mallory] = [await openWire(t, sidecar.port), await openWire(t, sidecar.port)];
  for (const status of [401, 200]) {
    alice.write(ask("alice"));
    assert.equal((await alice.readResponse()).status, status);
  }
  for (let round = 0; round < 2; round += 1) {
    alice.write(ask(undefined, "HEAD"));
    assert.equal((await alice.readResponse("HEAD")).status, 200);
    mallory.write(ask(undefined, "HEAD"));
    assert.equal((await mallory.readResponse("HEAD")).status, 401);
  }
});

test("from the first challenge on, no other client's request goes out on the connection", async (t) => {
  const origin = await startOrigin(t, createLogins());
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const [alice, mallory] = [await openWire(t, sidecar.port), await openWire(t, sidecar.port)];
  for (const wire of [alice, mallory]) {
    wire.write(ask());
    assert.equal((await wire.readResponse()).status, 401);
  }
  assert.deepEqual(
    origin.arrivals.map(({ connection }) => connection.number),
    [1, 2],
  );
});

test("the connection ends with its client's connection", async (t) => {
  const origin = await startOrigin(t, createLogins());
  const sidecar = await startSidecar(t, {
    upstream: origin.url,
    yaml: "",
  });
  const alice = await openWire(t, sidecar.port);
  alice.write(ask("alice"));
  await alice.readResponse();
  alice.write(ask("alice"));
  assert.equal((await alice.readResponse()).status, 200);
  alice.reset();
  await (
    await origin.connection(0)
  ).closed;
});

test("an idle connection with a login is evicted for a request that needs its slot", async (t) => {
  const origin = await startOrigin(t, createLogins());
  const sidecar = await startSidecar(t, {
    yaml: `upstream: { url: "${origin.url}", maxConnections: 1, keepAlive: 1h }`,
  });
  const alice = await openWire(t, sidecar.port);
  for (const status of [401, 200]) {
    alice.write(ask("alice"));
    assert.equal((await alice.readResponse()).status, status);
  }
  const other = await openWire(t, sidecar.port);
  other.write(ask());
  assert.equal((await other.readResponse()).status, 401);
  assert.equal(origin.connections.length, 2);
});

test("a converted HEAD in a handshake keeps its connection, with content of any length", async (t) => {
  const origin = await startOrigin(t, createLogins("x".repeat(200_000)));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const alice = await openWire(t, sidecar.port);
  for (const status of [401, 200]) {
    alice.write(ask("alice", "HEAD"));
    assert.equal((await alice.readResponse("HEAD")).status, status);
  }
  assert.equal(origin.connections.length, 1);
});

/** A backend that sends the content of its responses for /slow in two pieces, the second one when `goOn` is called. */
function createSlowLogins() {
  let goOn = (): void => undefined;
  const released = new Promise<void>((resolve) => (goOn = resolve));
  const respond = async (request: Arrival): Promise<void> => {
    await request.completed;
    const [status, field] =
      request.target === "/slow/401" || request.target === "/other"
        ? ["401 No", "WWW-Authenticate: NTLM challenge\r\n"]
        : ["200 OK", ""];
    request.write(`HTTP/1.1 ${status}\r\n${field}Content-Length: 6\r\n\r\nabc`);
    if (request.target.startsWith("/slow")) await released;
    request.write("def");
  };
  return { respond, goOn: () => goOn() };
}

const login = (method: string, target: string): string =>
  toRequest(`${method} ${target}`, ["Authorization: NTLM alice"]);

test("a client's next request waits for its own connection, which a HEAD's content still uses", async (t) => {
  // Symptom: after a HEAD on a connection with a login, the client's next request went out on another connection, which was not logged in.
  // Root cause: a converted HEAD gets its response at the header section, while its content still uses the connection.
  // Fix: such a request waits for its client's own connection.
  for (const status of [401, 200]) {
    const { respond, goOn } = createSlowLogins();
    const origin = await startOrigin(t, respond);
    const sidecar = await startSidecar(t, { upstream: origin.url });
    const wire = await openWire(t, sidecar.port);
    wire.write(login("HEAD", `/slow/${status}`));
    assert.equal((await wire.readResponse("HEAD")).status, status);
    wire.write(login("GET", "/next"));
    // Another client's request is sent on a connection of its own.
    const other = await openWire(t, sidecar.port);
    other.write(toRequest("GET /other"));
    assert.equal((await other.readResponse()).status, 401);
    goOn();
    assert.equal((await wire.readResponse()).status, 200);
    assert.deepEqual(
      origin.arrivals.map(({ target, connection }) => [target, connection.number]),
      [
        [`/slow/${status}`, 1],
        ["/other", 2],
        ["/next", 1],
      ],
    );
  }
});

test("that request waits even if the queue has no slots", async (t) => {
  // Symptom: with `limits.waiting: 0`, a client that had logged in got 503 for the request after a HEAD. Root cause: it waited in the queue
  // of the requests that wait for any connection. Fix: a wait for the client's own connection has a slot of its own.
  const { respond, goOn } = createSlowLogins();
  const origin = await startOrigin(t, respond);
  const sidecar = await startSidecar(t, {
    upstream: origin.url,
    yaml: "limits: { waiting: 0 }",
  });
  const wire = await openWire(t, sidecar.port);
  wire.write(login("HEAD", "/slow/200"));
  assert.equal((await wire.readResponse("HEAD")).status, 200);
  wire.write(login("GET", "/next"));
  // headgate has read it once it has responded to another client.
  const other = await openWire(t, sidecar.port);
  other.write(toRequest("GET /other"));
  assert.equal((await other.readResponse()).status, 401);
  goOn();
  assert.equal((await wire.readResponse()).status, 200);
  assert.equal(origin.connections.length, 2);
});

test("content that is drained on such a connection ends with its client's connection", async (t) => {
  // Symptom: such a drain continued for five seconds without its client. Root cause: only idle connections ended with their clients.
  // Fix: a connection with a login ends with its client, in any state.
  const origin = await startOrigin(t, createSlowLogins().respond);
  const sidecar = await startSidecar(t, {
    upstream: origin.url,
    yaml: "head: { drain: { time: 1m } }",
  });
  const wire = await openWire(t, sidecar.port);
  wire.write(login("HEAD", "/slow/200"));
  assert.equal((await wire.readResponse("HEAD")).status, 200);
  wire.reset();
  await (
    await origin.connection(0)
  ).closed;
});

test("content that is drained on such a connection counts towards limits.draining", async (t) => {
  // Symptom: any number of such contents was drained at a time. Root cause: they did not count towards the limit. Fix: they do.
  const { respond, goOn } = createSlowLogins();
  const origin = await startOrigin(t, respond);
  const sidecar = await startSidecar(t, {
    upstream: origin.url,
    yaml: "limits: { draining: 1 }\nhead: { drain: { time: 1m } }",
  });
  const [first, second] = [await openWire(t, sidecar.port), await openWire(t, sidecar.port)];
  for (const wire of [first, second]) {
    wire.write(login("HEAD", "/slow/200"));
    assert.equal((await wire.readResponse("HEAD")).status, 200);
  }
  await (
    await origin.connection(1)
  ).closed;
  goOn();
  first.write(login("GET", "/next"));
  assert.equal((await first.readResponse()).status, 200);
  assert.equal(origin.connections.length, 2);
});

test("a client that has logged in gets no shared response", async (t) => {
  // Symptom: with `share`, a logged-in client got the response to a stranger's HEAD. Root cause: only responses on a connection with a
  // login were not shared. Fix: a client that has logged in neither gets nor gives a shared response.
  const users = new Set<number>();
  const origin = await startOrigin(t, async (request) => {
    await request.completed;
    const { number } = request.connection;
    if (request.lines.some((line) => line.startsWith("Authorization: "))) users.add(number);
    const user = users.has(number) ? "alice" : "nobody";
    request.write(
      `HTTP/1.1 200 OK\r\nCache-Control: public, max-age=60\r\nX-User: ${user}\r\nContent-Length: 0\r\n\r\n`,
    );
  });
  const sidecar = await startSidecar(t, { upstream: origin.url, yaml: "head: { share: 1m }" });
  const [alice, mallory] = [await openWire(t, sidecar.port), await openWire(t, sidecar.port)];
  alice.write(ask("alice"));
  assert.equal((await alice.readResponse()).status, 200);
  for (const [wire, user] of [
    [mallory, "nobody"],
    [alice, "alice"],
    [mallory, "nobody"],
  ] as const) {
    wire.write(ask(undefined, "HEAD"));
    const { lines } = await wire.readResponse("HEAD");
    assert.ok(lines.includes(`X-User: ${user}`), lines.join("\n"));
  }
  assert.equal(origin.arrivals.length, 3);
});
