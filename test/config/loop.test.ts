/**
 * An upstream that is headgate's own listen address.
 *
 * Symptom: `--upstream http://127.0.0.1:8080` with the default `listen` was valid, and one request took all connections to the upstream
 * for a minute. Root cause: the two were not compared. Fix: a configuration that is provably a loop is invalid.
 */

import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import test from "node:test";
import { loadConfig } from "../../src/config/load.ts";
import { loadText, messageOf, problemsOf } from "../support/route-file.ts";

const LOOPS: readonly (readonly [listen: string, upstream: string])[] = [
  ["0.0.0.0:8080", "http://127.0.0.1:8080"],
  ["0.0.0.0:8080", "http://localhost:8080"],
  ["0.0.0.0:8080", "http://LOCALHOST.:8080"],
  ["0.0.0.0:8080", "http://127.0.0.2:8080"],
  ["0.0.0.0:8080", "http://0.0.0.0:8080"],
  ["0.0.0.0:8080", "http://[::ffff:127.0.0.1]:8080"],
  [":80", "http://127.0.0.1"],
  ["0.0.0.0:443", "https://127.0.0.1"],
  ["[::]:8080", "http://127.0.0.1:8080"],
  ["[::]:8080", "http://[::1]:8080"],
  ["[::]:8080", "http://[::]:8080"],
  ["[::]:8080", "http://localhost:8080"],
  ["127.0.0.1:8080", "http://127.0.0.1:8080"],
  ["127.0.0.1:8080", "http://0.0.0.0:8080"],
  ["127.0.0.1:8080", "http://localhost:8080"],
  ["[::ffff:127.0.0.1]:8080", "http://127.0.0.1:8080"],
  ["[::1]:8080", "http://localhost:8080"],
  ["[::1]:8080", "http://[0::1]:8080"],
  ["localhost:8080", "http://localhost:8080"],
  ["localhost:8080", "http://127.0.0.1:8080"],
  ["127.9.9.9:8080", "http://127.9.9.9:8080"],
  ["10.1.2.3:8080", "http://10.1.2.3:8080"],
  ["app.example:8080", "http://App.example:8080"],
  ["unix:/run/a.sock", "unix:/run/a.sock"],
  ["unix:/run/a.sock", "unix:///run/./b/../a.sock"],
];

for (const [listen, upstream] of LOOPS) {
  test(`listen ${listen} with upstream ${upstream} is refused`, async (t) => {
    const problems = await problemsOf(
      loadText(t, `listen: "${listen}"\nadmin: off\nupstream: "${upstream}"\n`),
    );
    assert.deepEqual(
      problems.map(({ line, col, key }) => [line, col, key]),
      [[3, 11, "upstream"]],
    );
    assert.match(problems[0]?.message ?? "", /is where headgate itself listens/);
  });
}

const SOUND: readonly (readonly [listen: string, upstream: string])[] = [
  ["0.0.0.0:8080", "http://127.0.0.1:8000"],
  ["0.0.0.0:8080", "http://192.0.2.1:8080"],
  ["0.0.0.0:8080", "http://[::1]:8080"],
  ["0.0.0.0:8080", "http://app:8080"],
  ["0.0.0.0:0", "http://127.0.0.1:80"],
  ["[::]:8080", "http://[2001:db8::1]:8080"],
  ["127.0.0.1:8080", "http://127.0.0.2:8080"],
  ["[::1]:8080", "http://127.0.0.1:8080"],
  ["192.0.2.1:8080", "http://127.0.0.1:8080"],
  ["app.example:8080", "http://127.0.0.1:8080"],
  ["unix:/run/a.sock", "unix:/run/b.sock"],
  ["unix:/run/a.sock", "http://localhost"],
  ["0.0.0.0:80", "unix:/run/a.sock"],
  ["fd:3", "http://127.0.0.1:8080"],
];

for (const [listen, upstream] of SOUND) {
  test(`listen ${listen} with upstream ${upstream} is no loop`, async (t) => {
    await loadText(t, `listen: "${listen}"\nadmin: off\nupstream: "${upstream}"\n`);
  });
}

test("an address of one of the machine's interfaces is its own", async (t) => {
  const own = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const addresses = own.filter(({ internal, scopeid }) => !internal && !scopeid);
  if (addresses.length === 0) return t.skip("this machine has no interface but loopback");
  for (const { address, family } of addresses) {
    const host = family === "IPv6" ? `[${address}]` : address;
    const yaml = `listen: "[::]:8080"\nupstream: "http://${host}:8080"\n`;
    assert.match(await messageOf(loadText(t, yaml)), /headgate itself listens/);
  }
});

test("a loop is reported with its line and column, in a mapping, in upstreams and in a route", async (t) => {
  const problems = await problemsOf(
    loadText(
      t,
      `listen: :8080
upstream: { keepAlive: 1s, url: "http://localhost:8080" }
upstreams:
  fine: http://127.0.0.1:8000
  a: http://127.0.0.1:8080
  b:
    url: http://127.0.0.1:8080
routes:
  - path: /a
    upstream: http://127.0.0.1:8080
  - path: /b
    upstream: b
`,
    ),
  );
  assert.deepEqual(
    problems.map(({ line, key }) => [line, key]),
    [
      [2, "upstream.url"],
      [5, "upstreams.a"],
      [7, "upstreams.b.url"],
      [10, "routes[0].upstream"],
    ],
  );
});

test("a loop that comes from a flag or a variable is reported there", async (t) => {
  const asked = { env: {}, cwd: "/" };
  const flags = { upstream: "http://127.0.0.1:8080" };
  assert.equal(
    await messageOf(loadConfig({ ...asked, flags })),
    "--upstream: http://127.0.0.1:8080 is where headgate itself listens (0.0.0.0:8080): each request would come back to it",
  );
  const env = { HEADGATE_UPSTREAM: "http://127.0.0.1:9000", HEADGATE_LISTEN: ":9000" };
  assert.match(await messageOf(loadConfig({ flags: {}, env, cwd: "/" })), /^HEADGATE_UPSTREAM: /);
  const yaml = "upstream:\n  url: http://127.0.0.1:8000\n";
  const message = await messageOf(loadText(t, yaml, { flags: { listen: ":8000" } }));
  assert.match(message, /^f\.yaml:2:8 upstream\.url: http:\/\/127\.0\.0\.1:8000 is where headgate/);
});

// An operator may want metrics behind a route; a default upstream that is the admin port is an app that lost its port to it.
test("the admin port may be a route's upstream but not the default one", async (t) => {
  const message = await messageOf(loadText(t, "upstream: http://127.0.0.1:9090\n"));
  assert.match(
    message,
    /^f\.yaml:1:11 upstream: http:\/\/127\.0\.0\.1:9090 is headgate's own admin port \(127\.0\.0\.1:9090\): give one of them another$/m,
  );
  await loadText(
    t,
    "upstream: http://127.0.0.1:8000\nroutes: [{ path: /metrics, upstream: 'http://127.0.0.1:9090' }]\n",
  );
});
