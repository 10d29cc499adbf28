// Symptom: four requests to an upstream whose name servers never responded made every other named upstream 504, for up to 100 s.
// Root cause: each connection ran a getaddrinfo of its own. libuv runs two at a time, and nothing ends one before it returns.
// Fix: headgate reads the hosts file itself, queries name servers through c-ares without a thread, keeps one lookup per name in flight, and
// calls getaddrinfo (two at a time) only for names that neither of them knows.

import assert from "node:assert/strict";
import { type TestContext, describe, it } from "node:test";
import { type LookupResult, type Lookups, startLookups } from "../support/lookups.ts";
import { type NameServer, hold, startNameServer } from "../support/name-server.ts";
import { type NameFiles, createNames, namesMissing } from "../support/names.ts";

interface Started {
  readonly server: NameServer;
  readonly lookups: Lookups;
}

async function start(
  t: TestContext,
  files: NameFiles = {},
  env: NodeJS.ProcessEnv = {},
): Promise<Started> {
  const server = await startNameServer(t);
  const { through } = createNames(t, { servers: [server], ...files });
  return { server, lookups: startLookups(t, through, env) };
}

/** With these, getaddrinfo hangs for 150 s. A lookup of headgate's queries for a name itself first, then for one in a.test. */
const HANGS_LONG = "search a.test\noptions timeout:30 attempts:5";

/** A lookup that is not ended sends this many queries for each name whose servers stay silent: A and AAAA, once a second for 5 s. */
const QUERIES_OF_A_NAME = 10;

function toNames(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `hung${index}.test`);
}

/** `getaddrinfo` appends this domain. headgate does not know of it, so it stands for every name that only the system can resolve. */
function onlySystemKnows(domain: string): NodeJS.ProcessEnv {
  return { LOCALDOMAIN: domain };
}

// These tests mostly wait, so four run at once. More would make a busy machine reach the resolver's own time limits.
void describe("the resolver", { skip: namesMissing(), concurrency: 4 }, () => {
  for (const count of [8, 40]) {
    it(`${count} names whose servers never respond hold up no other lookup`, async (t) => {
      const { server, lookups } = await start(t);
      const hung = toNames(count);
      for (const name of hung) {
        server.set(name, "never");
        void lookups.lookup(name);
      }
      await Promise.all(hung.map((name) => server.queried(name)));
      server.set("good.test", ["127.0.0.1"]);
      assert.deepEqual(await lookups.lookup("good.test"), ["127.0.0.1"]);
      assert.deepEqual(lookups.ended, ["good.test"]);
    });
  }

  it("a name that no server responds to is a dns_timeout, without getaddrinfo", async (t) => {
    const { server, lookups } = await start(t);
    server.set("hung.test", "never");
    const ending = await lookups.lookup("hung.test");
    assert.equal(toError(ending), "dns_timeout");
    // getaddrinfo would be waiting for the server now, and would keep the process.
    assert.equal(await lookups.exit(), 0);
  });

  it("the hosts file gives all addresses, IPv6 first, without a query to a server", async (t) => {
    const server = await startNameServer(t);
    server.set("app", ["127.0.0.9"]);
    const hosts = "127.0.0.1 app\n::1 app\n127.0.0.2 other APP\n";
    const names = createNames(t, { servers: [server], hosts });
    const lookups = startLookups(t, names.through);
    assert.deepEqual(await lookups.lookup("app"), ["::1", "127.0.0.1", "127.0.0.2"]);
    assert.deepEqual(await lookups.lookup("APP"), ["::1", "127.0.0.1", "127.0.0.2"]);
    names.setHosts("127.0.0.3 app\n");
    assert.deepEqual(await lookups.lookup("app"), ["127.0.0.3"], "a changed file counts at once");
    assert.deepEqual(server.queries("app"), []);
  });

  it("localhost resolves to the loopback addresses if the hosts file does not name it", async (t) => {
    const { server, lookups } = await start(t, { hosts: "" });
    server.set("localhost", "never");
    assert.deepEqual(await lookups.lookup("localhost"), ["::1", "127.0.0.1"]);
    assert.deepEqual(await lookups.lookup("Localhost."), ["::1", "127.0.0.1"]);
    assert.deepEqual(server.queries("localhost"), []);
  });

  it("an IP address is not looked up", async (t) => {
    const { lookups } = await start(t);
    assert.deepEqual(await lookups.lookup("10.0.0.1"), ["10.0.0.1"]);
    assert.deepEqual(await lookups.lookup("fd00::1"), ["fd00::1"]);
  });

  it("addresses of both families alternate, in the server's order", async (t) => {
    const { server, lookups } = await start(t);
    server.set("app.test", ["10.0.0.3", "10.0.0.1", "10.0.0.2", "fd00::2", "fd00::1"]);
    assert.deepEqual(await lookups.lookup("app.test"), [
      "fd00::2",
      "10.0.0.3",
      "fd00::1",
      "10.0.0.1",
      "10.0.0.2",
    ]);
  });

  it("the addresses of one family do not wait for those of the other", async (t) => {
    const { server, lookups } = await start(t);
    server.set("hung.test", "never");
    server.set("four.test", { A: ["10.0.0.1"], AAAA: "never" });
    server.set("six.test", { A: "never", AAAA: ["fd00::1"] });
    server.set("broken.test", { A: ["10.0.0.2"], AAAA: "SERVFAIL" });
    void lookups.lookup("hung.test");
    await lookups.begun();
    assert.deepEqual(await lookups.lookup("four.test"), ["10.0.0.1"]);
    assert.deepEqual(await lookups.lookup("six.test"), ["fd00::1"]);
    assert.deepEqual(await lookups.lookup("broken.test"), ["10.0.0.2"]);
    assert.deepEqual(lookups.ended, ["four.test", "six.test", "broken.test"]);
  });

  it("a response that does not fit into a datagram is fetched over TCP", async (t) => {
    const { server, lookups } = await start(t);
    server.set("large.test", { addresses: ["10.0.0.1", "fd00::1"], overUdp: "truncated" });
    assert.deepEqual(await lookups.lookup("large.test"), ["fd00::1", "10.0.0.1"]);
    assert.ok(server.queries("large.test").some(({ over }) => over === "tcp"));
  });

  it("an alias leads to its addresses", async (t) => {
    const { server, lookups } = await start(t);
    server.set("alias.test", { alias: "real.test", addresses: ["10.0.0.1"] });
    server.set("empty.test", { alias: "real.test", addresses: [] });
    assert.deepEqual(await lookups.lookup("alias.test"), ["10.0.0.1"]);
    assert.equal(toError(await lookups.lookup("empty.test")), "dns_error");
  });

  it("names as compose files have them resolve", async (t) => {
    const { server, lookups } = await start(t);
    for (const name of ["db", "my_app", "_app_-1"]) {
      server.set(name, ["10.0.0.1"]);
      assert.deepEqual(await lookups.lookup(name), ["10.0.0.1"]);
    }
  });

  it("callers share the lookup in flight; the next call starts a new one", async (t) => {
    const { server, lookups } = await start(t);
    const late = hold(["10.0.0.1"]);
    server.set("app.test", late.reply);
    const all = Array.from({ length: 40 }, () => lookups.lookup("app.test"));
    await lookups.begun();
    late.release();
    for (const ending of await Promise.all(all)) assert.deepEqual(ending, ["10.0.0.1"]);
    assert.ok(server.queries("app.test").length <= QUERIES_OF_A_NAME);
    server.set("app.test", ["10.0.0.2"]);
    assert.deepEqual(await lookups.lookup("app.test"), ["10.0.0.2"]);
  });

  it("the search list is tried in order, before or after the name itself", async (t) => {
    const { server, lookups } = await start(t, {
      resolvConf: "search a.test b.test\noptions ndots:2",
    });
    server.set("db.ns.b.test", ["10.0.0.1"]);
    server.set("db.ns", ["10.0.0.2"]);
    assert.deepEqual(await lookups.lookup("db.ns"), ["10.0.0.1"]);
    assert.equal(server.queries("db.ns").length, 0);
    assert.ok(server.queries("db.ns.a.test").length > 0);

    server.set("x.y.z", ["10.0.0.3"]);
    server.set("x.y.z.a.test", ["10.0.0.4"]);
    assert.deepEqual(await lookups.lookup("x.y.z"), ["10.0.0.3"]);
    assert.deepEqual(await lookups.lookup("db.ns."), ["10.0.0.2"], "complete");
    server.set("single", ["10.0.0.5"]);
    assert.deepEqual(await lookups.lookup("single"), ["10.0.0.5"], "behind the list");
  });

  // "db" of the next domain is another host. glibc does the same: SERVFAIL continues the search, silence and refusal end it.
  it("a domain whose servers cannot be reached ends the search; one that fails does not", async (t) => {
    const { server, lookups } = await start(t, { resolvConf: "search a.test b.test" });
    for (const name of ["failing", "refused", "silent"])
      server.set(`${name}.b.test`, [`10.0.0.${name.length}`]);
    server.set("failing.a.test", "SERVFAIL");
    server.set("refused.a.test", "REFUSED");
    server.set("silent.a.test", "never");
    assert.deepEqual(await lookups.lookup("failing"), ["10.0.0.7"]);
    assert.equal(toError(await lookups.lookup("silent")), "dns_timeout");
    assert.equal(server.queries("silent.b.test").length, 0);
    assert.ok(server.queries("silent").length > 0, "the name itself is asked for all the same");
    assert.equal(toError(await lookups.lookup("refused")), "dns_error");
    assert.equal(server.queries("refused.b.test").length, 0);
  });

  it("a name that does not exist, or whose server fails, is a dns_error with its cause", async (t) => {
    const { server, lookups } = await start(t);
    server.set("failing.test", "SERVFAIL");
    server.set("empty.test", []);
    assert.deepEqual(await lookups.lookup("nowhere.test"), {
      error: "dns_error",
      cause: "getaddrinfo ENOTFOUND nowhere.test",
    });
    assert.deepEqual(await lookups.lookup("failing.test"), {
      error: "dns_error",
      cause: "queryA ESERVFAIL failing.test",
    });
    assert.equal(toError(await lookups.lookup("empty.test")), "dns_error");
    assert.equal(toError(await lookups.lookup("x".repeat(64))), "dns_error");
  });

  it("without a name server, a lookup is a dns_error, and the hosts file still counts", async (t) => {
    const { lookups } = await start(t, { servers: [], hosts: "10.0.0.1 app\n" });
    assert.equal(toError(await lookups.lookup("app.test")), "dns_error");
    assert.deepEqual(await lookups.lookup("app"), ["10.0.0.1"]);
  });

  it("a silent server does not hold up the next one", async (t) => {
    const [silent, good] = [await startNameServer(t), await startNameServer(t)];
    const { lookups } = await start(t, { servers: [silent, good] });
    silent.set("app.test", "never");
    good.set("app.test", ["10.0.0.1"]);
    silent.set("hung.test", "never");
    good.set("hung.test", "never");
    const hung = lookups.lookup("hung.test");
    await lookups.begun();
    assert.deepEqual(await lookups.lookup("app.test"), ["10.0.0.1"]);
    assert.deepEqual(lookups.ended, ["app.test"]);
    assert.equal(toError(await hung), "dns_timeout");
  });

  // c-ares drops the socket of a query when it sends the query again, and with it the response to the first.
  it("a response to the first query counts even after c-ares sent the query again", async (t) => {
    const { server, lookups } = await start(t);
    const late = hold(["10.0.0.1"]);
    server.set("slow.test", { A: late.reply, AAAA: [] });
    const ending = lookups.lookup("slow.test");
    await server.queried("slow.test");
    server.set("slow.test", { A: "never", AAAA: [] });
    await server.queried("slow.test", 3);
    late.release();
    assert.deepEqual(await ending, ["10.0.0.1"]);
  });

  it("a name that only the system knows is found", async (t) => {
    const { server, lookups } = await start(t, {}, onlySystemKnows("system.test"));
    server.set("printer.system.test", ["10.0.0.1"]);
    assert.deepEqual(await lookups.lookup("printer"), ["10.0.0.1"]);
  });

  it("eight names on which getaddrinfo hangs hold up no other lookup, and end as dns_timeout", async (t) => {
    const env = onlySystemKnows("system.test");
    const { server, lookups } = await start(t, { resolvConf: HANGS_LONG }, env);
    const hung = toNames(8).map((name) => name.replace(".test", ""));
    for (const name of hung) server.set(`${name}.system.test`, "never");
    const endings = hung.map((name) => lookups.lookup(name));
    await Promise.all([0, 1].map((index) => server.queried(`hung${index}.system.test`)));
    server.set("good.test", ["10.0.0.1"]);
    assert.deepEqual(await lookups.lookup("good.test"), ["10.0.0.1"]);
    assert.deepEqual(await lookups.lookup("localhost"), ["::1", "127.0.0.1"]);
    assert.deepEqual(lookups.ended, ["good.test", "localhost"]);
    for (const ending of endings) assert.equal(toError(await ending), "dns_timeout");
    const asked = hung.filter((name) => server.queries(`${name}.system.test`).length > 0);
    assert.equal(asked.length, 2, "no more than two threads");
  });

  for (const way of ["close", "exit"] as const) {
    it(`hung lookups do not delay the end of the process (${way})`, async (t) => {
      const { server, lookups } = await start(t, { resolvConf: HANGS_LONG });
      const names = toNames(8);
      for (const name of names) {
        server.set(name, "never");
        server.set(`${name}.a.test`, "never");
        void lookups.lookup(name);
      }
      await Promise.all(names.map((name) => server.queried(name)));
      assert.equal(await lookups[way](), 0);
      for (const name of names)
        assert.ok(server.queries(`${name}.a.test`).length < QUERIES_OF_A_NAME, "was not through");
    });
  }
});

function toError(ending: LookupResult): string {
  return "error" in ending ? ending.error : `found ${ending.join(" ")}`;
}
