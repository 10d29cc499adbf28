// The PROXY protocol: the client's address comes from a header before everything else, from trusted peers only.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type TLSSocket, connect as connectTls } from "node:tls";

import { fieldValues, readBytes } from "../support/message.ts";
import { type Origin, startOrigin } from "../support/origin.ts";
import { Transport } from "../support/peer.ts";
import { toTlv, toV2 } from "../support/proxy-header.ts";
import { text } from "../support/responses.ts";
import { type Sidecar, startSidecar } from "../support/sidecar.ts";
import { makeCertificate } from "../support/tls-origin.ts";
import { type Wire, openWire } from "../support/wire.ts";

const GET = "GET /x HTTP/1.1\r\nHost: a.example\r\n\r\n";
/** The client's address is outside of forwarded.trust. */
const HEADER = "PROXY TCP4 192.0.2.7 10.0.0.1 50000 443\r\n";
const UNOPENED = "a connection was closed before HTTP began";

interface Options {
  readonly proxyProtocol?: string;
  readonly address?: string;
  /** Further keys of the listener. */
  readonly listener?: string;
  readonly trust?: string;
  readonly yaml?: string;
}

interface Started {
  readonly sidecar: Sidecar;
  readonly origin: Origin;
  connect(): Promise<Wire>;
}

/** Starts headgate with a listener for the PROXY protocol, which trusts 127.0.0.1 and 10.0.0.0/8. */
async function start(t: TestContext, options: Options = {}): Promise<Started> {
  const { proxyProtocol = "true", address = "127.0.0.1:0", listener = "" } = options;
  const { trust = "[127.0.0.1, 10.0.0.0/8]", yaml = "" } = options;
  const origin = await startOrigin(t, text("ok"));
  const sidecar = await startSidecar(t, {
    upstream: origin.url,
    yaml: [
      `listen: { address: "${address}", proxyProtocol: ${proxyProtocol}${listener} }`,
      `forwarded: { trust: ${trust} }`,
      yaml,
    ].join("\n"),
  });
  const target = address.startsWith("unix:") ? address.slice("unix:".length) : sidecar.port;
  return { sidecar, origin, connect: () => openWire(t, target) };
}

/** What the upstream got and the log has of the first request. */
async function findClient({ origin, sidecar }: Started, index = 0) {
  const arrival = await origin.arrival(index);
  const line = await sidecar.line(({ "url.path": path }) => path === "/x");
  return {
    chain: fieldValues(arrival, "x-forwarded-for"),
    logged: line["client.address"],
  };
}

/** Waits for the line about a connection on which HTTP never began. */
async function findReason({ sidecar }: Started): Promise<string> {
  const { level, msg } = await sidecar.line(({ msg: one }) => String(one).startsWith(UNOPENED));
  assert.equal(level, "info");
  return String(msg).slice(UNOPENED.length);
}

function linesOf({ sidecar }: Started): number {
  return sidecar.lines.filter(({ msg }) => String(msg).startsWith(UNOPENED)).length;
}

async function countUnopened({ sidecar }: Started, stage = "proxy_protocol"): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${sidecar.adminPort}/metrics`);
  const line = new RegExp(
    `^headgate_unopened_connections_total\\{stage="${stage}"\\} (\\d+)$`,
    "m",
  );
  return Number(line.exec(await response.text())?.[1]);
}

/** HAProxy's proxy-protocol.txt §2: what a proxy sends, the client it tells, and the chain that the upstream gets. */
const INET = Buffer.from("c0000207 0a000001 c350 01bb".replaceAll(" ", ""), "hex");
const INET6 = Buffer.from(`20010db8${"00".repeat(11)}07${"00".repeat(15)}01c35001bb`, "hex");
const HEADERS: Readonly<Record<string, readonly [header: string | Buffer, address: string]>> = {
  "version 1 over IPv4": [HEADER, "192.0.2.7"],
  "version 1 over IPv6": ["PROXY TCP6 2001:DB8::0:7 ::1 50000 443\r\n", "2001:db8::7"],
  "version 1 with a mapped address": ["PROXY TCP6 ::ffff:c000:207 ::1 5 443\r\n", "192.0.2.7"],
  "version 2 over IPv4": [toV2({ family: 0x11, rest: INET }), "192.0.2.7"],
  "version 2 over IPv6": [toV2({ family: 0x21, rest: INET6 }), "2001:db8::7"],
  "version 2 with TLVs": [
    toV2({ family: 0x11, rest: Buffer.concat([INET, toTlv(0xea, Buffer.from("vpce-1"))]) }),
    "192.0.2.7",
  ],
};

for (const [what, [header, address]] of Object.entries(HEADERS)) {
  test(`${what}: the address is the client's, in X-Forwarded-For and in the log`, async (t) => {
    const started = await start(t);
    const client = await started.connect();
    client.write(Buffer.concat([Buffer.from(header), Buffer.from(GET)]));
    assert.equal((await client.readResponse()).status, 200);
    assert.deepEqual(await findClient(started), { chain: [address], logged: address });
  });
}

const CLAIMING = GET.replace("\r\n\r\n", "\r\nX-Forwarded-For: 198.51.100.1\r\n\r\n");

test("trust is in the client's address: the proxy's own trust is not its clients'", async (t) => {
  const started = await start(t);
  for (const [index, [address, chain]] of [
    ["192.0.2.7", "192.0.2.7"],
    ["10.1.2.3", "198.51.100.1, 10.1.2.3"],
  ].entries()) {
    const client = await started.connect();
    client.write(`PROXY TCP4 ${address} 10.0.0.1 50000 443\r\n${CLAIMING}`);
    assert.equal((await client.readResponse()).status, 200);
    const arrival = await started.origin.arrival(index);
    assert.deepEqual(fieldValues(arrival, "x-forwarded-for"), [chain]);
  }
});

const NAMELESS: Readonly<Record<string, readonly [header: string | Buffer, chain: string]>> = {
  // A health check: the client is the proxy itself, which is trusted.
  LOCAL: [toV2({ command: 0x20, family: 0x00, rest: Buffer.alloc(0) }), "198.51.100.1, 127.0.0.1"],
  "LOCAL with an address": [
    toV2({ command: 0x20, family: 0x11, rest: INET }),
    "198.51.100.1, 127.0.0.1",
  ],
  // A client that the proxy does not tell: its claims are not the proxy's.
  UNKNOWN: ["PROXY UNKNOWN\r\n", "127.0.0.1"],
  "UNKNOWN with an address": ["PROXY UNKNOWN 192.0.2.7 10.0.0.1 1 2\r\n", "127.0.0.1"],
  UNSPEC: [toV2({ family: 0x00, rest: Buffer.alloc(0) }), "127.0.0.1"],
};

for (const [what, [header, chain]] of Object.entries(NAMELESS)) {
  test(`${what}: the address is the socket's own`, async (t) => {
    const started = await start(t);
    const client = await started.connect();
    client.write(Buffer.concat([Buffer.from(header), Buffer.from(CLAIMING)]));
    assert.equal((await client.readResponse()).status, 200);
    assert.deepEqual(await findClient(started), { chain: [chain], logged: "127.0.0.1" });
  });
}

test("a client of the proxy's unix socket has no address, and is not trusted", async (t) => {
  const started = await start(t);
  const client = await started.connect();
  client.write(toV2({ family: 0x31, rest: Buffer.alloc(216) }));
  client.write(CLAIMING);
  assert.equal((await client.readResponse()).status, 200);
  assert.deepEqual(await findClient(started), { chain: [], logged: "" });
});

test("peers of a unix socket may send a header, and their clients are trusted by address", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "headgate-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const started = await start(t, { address: `unix:${join(folder, "socket")}` });
  const headers = [HEADER, "PROXY TCP4 10.1.2.3 10.0.0.1 1 2\r\n", "PROXY UNKNOWN\r\n"];
  headers.push(toV2({ family: 0x31, rest: Buffer.alloc(216) }).toString("latin1"));
  const expected = [["192.0.2.7"], ["198.51.100.1, 10.1.2.3"], [], []];
  for (const [index, header] of headers.entries()) {
    const client = await started.connect();
    client.write(header + CLAIMING);
    assert.equal((await client.readResponse()).status, 200);
    const arrival = await started.origin.arrival(index);
    assert.deepEqual(fieldValues(arrival, "x-forwarded-for"), expected[index], header);
  }
});

test("bytes behind the header are requests: in the same segment, or each byte in its own", async (t) => {
  const started = await start(t);
  const bytes = HEADER + GET + GET;
  const whole = await started.connect();
  whole.write(bytes);
  const slow = await started.connect();
  for (const byte of bytes) {
    slow.write(byte);
    await nextTurn();
  }
  for (const client of [whole, slow]) {
    assert.equal((await client.readResponse()).status, 200);
    assert.equal((await client.readResponse()).status, 200);
  }
  const chains = started.origin.arrivals.map((one) => fieldValues(one, "x-forwarded-for"));
  assert.deepEqual(
    chains,
    Array.from({ length: 4 }, () => ["192.0.2.7"]),
  );
});

test("a second header is no HTTP: a client cannot add one behind its proxy's", async (t) => {
  const started = await start(t);
  const client = await started.connect();
  client.write(`${HEADER}PROXY TCP4 10.1.2.3 10.0.0.1 1 2\r\n${GET}`);
  assert.equal((await client.readResponse()).status, 400);
  assert.equal(started.origin.arrivals.length, 0);
});

test("true: a header of a peer that is not trusted closes the connection with a log line", async (t) => {
  const started = await start(t, { trust: "[10.0.0.0/8]" });
  for (const bytes of [HEADER + GET, GET]) {
    const client = await started.connect();
    client.write(bytes);
    assert.equal((await client.bytes.takeAll()).length, 0);
  }
  assert.equal(await findReason(started), " (PROXY protocol): the peer is not in forwarded.trust");
  assert.equal(started.origin.arrivals.length, 0);
  const line = await started.sidecar.line(({ msg }) => String(msg).startsWith(UNOPENED));
  assert.equal(line["client.address"], "127.0.0.1");
});

test("optional: a peer that is not trusted is served as it is, and its header is no HTTP", async (t) => {
  const started = await start(t, { proxyProtocol: "optional", trust: "[10.0.0.0/8]" });
  const client = await started.connect();
  client.write(CLAIMING);
  assert.equal((await client.readResponse()).status, 200);
  assert.deepEqual(await findClient(started), { chain: ["127.0.0.1"], logged: "127.0.0.1" });
  for (const header of [HEADER, toV2({ family: 0x11, rest: INET })]) {
    const forger = await started.connect();
    forger.write(header);
    forger.write(GET);
    assert.equal((await forger.readResponse()).status, 400);
  }
  assert.equal(started.origin.arrivals.length, 1);
});

test("optional: a trusted peer comes with or without a header", async (t) => {
  const started = await start(t, { proxyProtocol: "optional" });
  const starts = ["", HEADER, "\r\n", toV2({ family: 0x11, rest: INET }).toString("latin1")];
  for (const header of starts) {
    const client = await started.connect();
    client.write(header + GET);
    assert.equal((await client.readResponse()).status, 200, header);
  }
  const post = await started.connect();
  for (const byte of "P") post.write(byte); // PROXY, POST or PUT
  await nextTurn();
  post.write("OST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
  assert.equal((await post.readResponse()).status, 200);
  const chains = started.origin.arrivals.map((one) => fieldValues(one, "x-forwarded-for"));
  const [own, told] = [["127.0.0.1"], ["192.0.2.7"]];
  assert.deepEqual(chains, [own, told, own, told, own]);
});

const REFUSED: Readonly<Record<string, readonly [bytes: string, reason: RegExp]>> = {
  "no header": [GET, /does not begin with a PROXY protocol header/],
  "a malformed header": [`PROXY TCP4 192.0.2.7\r\n${GET}`, /header is malformed/],
  "a line without end": [`PROXY UNKNOWN ${"x".repeat(200)}`, /longer than 107 bytes/],
  "a header of another version": [
    toV2({ command: 0x31, family: 0x11, rest: INET }).toString("latin1"),
    /version .* is not 2/,
  ],
  garbage: ["\0\u0001\u0002", /does not begin with a PROXY protocol header/],
};

for (const mode of ["true", "optional"]) {
  for (const [what, [bytes, reason]] of Object.entries(REFUSED)) {
    if (mode === "optional" && !/^(?:PROXY|\r\n)/.test(bytes)) continue;
    test(`${mode}: ${what} closes the connection without a response, with a log line`, async (t) => {
      const started = await start(t, { proxyProtocol: mode });
      const client = await started.connect();
      client.write(bytes);
      assert.equal((await client.bytes.takeAll()).length, 0);
      assert.match(await findReason(started), reason);
      assert.equal(started.origin.arrivals.length, 0);
    });
  }
}

test("a header that ends too early closes the connection with a log line", async (t) => {
  const started = await start(t);
  const client = await started.connect();
  client.write(HEADER.slice(0, 20));
  client.halfClose();
  assert.equal((await client.bytes.takeAll()).length, 0);
  assert.match(await findReason(started), /the connection ended too early/);
});

for (const sent of ["", HEADER.slice(0, 20)]) {
  test(`late: after timeouts.header the connection is closed, ${sent.length} bytes of a header came`, async (t) => {
    const started = await start(t, { yaml: "timeouts: { header: 100ms }" });
    const client = await started.connect();
    client.write(sent);
    assert.equal((await client.bytes.takeAll()).length, 0);
    assert.match(await findReason(started), /it took longer than timeouts\.header, 100 ms/);
    assert.equal(await countUnopened(started), 1);
    assert.equal(linesOf(started), 1);
  });
}

for (const sent of ["", HEADER, toV2({ command: 0x20, family: 0, rest: Buffer.alloc(0) })]) {
  test(`a health check that ends after ${sent.length} bytes gives no log line`, async (t) => {
    const started = await start(t);
    const client = await started.connect();
    client.write(sent);
    client.halfClose();
    assert.equal((await client.bytes.takeAll()).length, 0);
    assert.deepEqual(started.sidecar.lines, []);
  });
}

test("a health check of a peer that is not trusted gives no log line either", async (t) => {
  const started = await start(t, { trust: "[10.0.0.0/8]" });
  const client = await started.connect();
  client.halfClose();
  assert.equal((await client.bytes.takeAll()).length, 0);
  assert.deepEqual(started.sidecar.lines, []);
});

test("a shutdown closes a connection whose header has not come, without a log line", async (t) => {
  const started = await start(t);
  const client = await started.connect();
  client.write(HEADER.slice(0, 20));
  assert.equal(await countUnopened(started), 0); // a round trip behind these bytes
  assert.equal(await started.sidecar.stop(), 0);
  assert.equal((await client.bytes.takeAll()).length, 0);
  assert.equal(linesOf(started), 0);
});

test("closed connections are counted by what was to come", async (t) => {
  const started = await startTls(t);
  for (const bytes of [GET, `${HEADER}\0`, HEADER]) {
    const client = await started.connect();
    client.write(bytes);
    client.halfClose();
    await client.closed;
  }
  assert.equal(await countUnopened(started, "proxy_protocol"), 1);
  assert.equal(await countUnopened(started, "tls"), 1);
});

for (const [yaml, expected] of [
  ["log: { access: off }", []],
  ["log: { access: errors, fields: [url.path] }", [undefined]],
] as const) {
  test(`${yaml}: the line of a closed connection follows it`, async (t) => {
    const started = await start(t, { yaml });
    const client = await started.connect();
    client.write(GET);
    await client.closed;
    assert.deepEqual(
      started.sidecar.lines.map((line) => line["client.address"]),
      expected,
    );
  });
}

test("a reload changes it from the next connection on", async (t) => {
  const started = await start(t);
  const { app, config } = started.sidecar;
  const before = await started.connect();
  before.write(HEADER + GET);
  assert.equal((await before.readResponse()).status, 200);
  app.reload({
    ...config,
    listen: config.listen.map((one) => ({ ...one, proxyProtocol: false as const })),
  });
  before.write(GET);
  assert.equal((await before.readResponse()).status, 200);
  const after = await started.connect();
  after.write(GET);
  assert.equal((await after.readResponse()).status, 200);
  const chains = started.origin.arrivals.map((one) => fieldValues(one, "x-forwarded-for"));
  assert.deepEqual(chains, [["192.0.2.7"], ["192.0.2.7"], ["127.0.0.1"]]);
});

/** How the bytes of a TLS client leave: the header together with the first of them, or each byte on its own. */
class Leaving extends Transport {
  private unsent: string;
  private readonly wire: Wire;
  private readonly cut: "whole" | "bytes";

  constructor(wire: Wire, header: string, cut: "whole" | "bytes") {
    super(wire.socket);
    this.wire = wire;
    this.unsent = header;
    this.cut = cut;
  }

  override _write(bytes: Buffer, _encoding: string, callback: () => void): void {
    const all = Buffer.concat([Buffer.from(this.unsent), bytes]);
    this.unsent = "";
    this.send(all, callback);
  }

  private send(bytes: Buffer, done: () => void): void {
    const size = this.cut === "whole" ? bytes.length : 1;
    if (bytes.length === 0) return done();
    this.wire.write(bytes.subarray(0, size));
    setImmediate(() => this.send(bytes.subarray(size), done));
  }
}

async function startTls(t: TestContext, options: Options = {}): Promise<Started> {
  const { file, keyFile } = makeCertificate(t, "DNS:a.example");
  return start(t, { ...options, listener: `, tls: { cert: "${file}", key: "${keyFile}" }` });
}

function speakTls(transport: Leaving): TLSSocket {
  return connectTls({ socket: transport, servername: "a.example", rejectUnauthorized: false });
}

for (const cut of ["whole", "bytes"] as const) {
  test(`TLS behind the header, ${cut === "whole" ? "in the same segment" : "each byte in its own"}`, async (t) => {
    const started = await startTls(t);
    const socket = speakTls(new Leaving(await started.connect(), HEADER, cut));
    t.after(() => void socket.destroy());
    const bytes = readBytes(socket);
    socket.write(GET);
    assert.match((await bytes.take("\r\n\r\n")).toString(), /^HTTP\/1\.1 200 /);
    const arrival = await started.origin.arrival(0);
    assert.deepEqual(fieldValues(arrival, "x-forwarded-for"), ["192.0.2.7"]);
    assert.deepEqual(fieldValues(arrival, "x-forwarded-proto"), ["https"]);
    assert.equal((await findClient(started)).logged, "192.0.2.7");
  });
}

test("a failed handshake behind the header is logged with the client's address", async (t) => {
  const started = await startTls(t);
  const client = await started.connect();
  client.write(`${HEADER}\u0016\u0003\u0001\0\u0005hello`);
  await client.closed;
  const line = await started.sidecar.line(({ msg }) => String(msg).startsWith(UNOPENED));
  assert.equal(line["client.address"], "192.0.2.7");
  assert.match(await findReason(started), /^ \(TLS\): /);
});

test("plain HTTP behind the header on a TLS port is 400, with the client's address in the log", async (t) => {
  const started = await startTls(t);
  const client = await started.connect();
  client.write(HEADER + GET);
  assert.equal((await client.readResponse()).status, 400);
  const line = await started.sidecar.line(({ "error.type": type }) => type !== undefined);
  assert.equal(line["client.address"], "192.0.2.7");
});

test("TLS without a header: optional serves it, true closes the connection", async (t) => {
  const optional = await startTls(t, { proxyProtocol: "optional" });
  const served = speakTls(new Leaving(await optional.connect(), "", "whole"));
  t.after(() => void served.destroy());
  const bytes = readBytes(served);
  served.write(GET);
  assert.match((await bytes.take("\r\n\r\n")).toString(), /^HTTP\/1\.1 200 /);
  const required = await startTls(t);
  const client = await required.connect();
  const refused = speakTls(new Leaving(client, "", "whole"));
  refused.on("error", () => undefined);
  await client.closed;
  assert.match(await findReason(required), /does not begin with a PROXY protocol header/);
});
