import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { Document } from "yaml";
import type { Address } from "../../src/config/address.ts";
import { loadConfig } from "../../src/config/load.ts";
import { toJsonSchema } from "../../src/config/schema/file.ts";
import type { JsonSchema } from "../../src/config/schema/json-schema.ts";
import type { Config } from "../../src/config/types.ts";
import { HEAD_MODE_NAMES } from "../../src/http/head-outcomes.ts";
import { toHeadConfig } from "../support/head.ts";
import { loadText, makeDirectory, messageOf, problemsOf } from "../support/route-file.ts";

const UPSTREAM = "upstream: http://127.0.0.1:8000\n";

function toAddresses({ listen }: Config): readonly Address[] {
  return listen.map(({ address }) => address);
}

test("an upstream is enough", async () => {
  const flags = { upstream: "http://app:8000" };
  const { config, file, hash } = await loadConfig({ flags, env: {}, cwd: "/" });
  assert.deepEqual([file, hash], [undefined, undefined]);
  assert.deepEqual(toAddresses(config), [{ kind: "tcp", host: "0.0.0.0", port: 8080 }]);
  assert.deepEqual(config.admin, { kind: "tcp", host: "127.0.0.1", port: 9090 });
  assert.equal(config.upstreams.get("default")?.url.authority, "app:8000");
  const { name, host, path, upstream } = config.defaultRoute;
  assert.deepEqual([name, host, path, upstream], ["default", undefined, "/*", "default"]);
  assert.deepEqual(config.routes, []);
});

// docs/route-file.md shows the schema's defaults, and a test compares it with the schema: a default that changes by accident shows there.
test("a key that a file leaves out has the schema's default", async (t) => {
  const defaults = listDefaults(toJsonSchema());
  assert.ok(defaults.length > 40, String(defaults.length));
  const short = new Document({ upstream: { url: "http://app:8000" } });
  const long = short.clone();
  for (const [path, value] of defaults) long.setIn(path, value);
  const { config } = await loadText(t, short.toString());
  const written = await loadText(t, long.toString());
  assert.deepEqual(config, { ...written.config, isAdminDefault: true });
});

/** Each default with its path in a file that has one upstream, `upstream`; a TLS setting would need an upstream with TLS. */
function listDefaults(
  { default: preset, properties = {}, anyOf = [] }: JsonSchema,
  path: readonly string[] = [],
): readonly (readonly [path: readonly string[], value: unknown])[] {
  if (path.includes("tls")) return [];
  if (typeof preset === "string") return [[path, preset]];
  const inner = [
    ...anyOf.flatMap((one) => listDefaults(one, path)),
    ...Object.entries(properties).flatMap(([key, one]) => listDefaults(one, [...path, key])),
  ];
  return inner.length > 0 || preset === undefined ? inner : [[path, preset]];
}

test("without an upstream the message names the three ways to set one", async () => {
  const message = await messageOf(loadConfig({ flags: {}, env: {}, cwd: "/" }));
  assert.match(message, /^upstream: is missing.*route file, --upstream or HEADGATE_UPSTREAM$/);
});

test("flags override the environment, which overrides the file, which overrides defaults", async (t) => {
  const text =
    "listen: :1\nadmin: :1\nlog: { level: warn, access: all }\nupstream: { url: http://file, keepAlive: 1s }\n";
  const env = {
    HEADGATE_LISTEN: ":2",
    HEADGATE_UPSTREAM: "http://env",
    HEADGATE_LOG_LEVEL: "",
    HEADGATE_ADMIN: "off",
  };
  const { config } = await loadText(t, text, { env, flags: { listen: ":3" } });
  assert.deepEqual(toAddresses(config), [{ kind: "tcp", host: "0.0.0.0", port: 3 }]);
  assert.equal(config.admin, "off");
  assert.equal(config.log.level, "warn");
  assert.equal(config.log.access, "all");
  const upstream = config.upstreams.get("default");
  assert.equal(upstream?.url.host, "env");
  assert.equal(upstream?.keepAlive, 1_000, "the rest of the file's mapping stays");
});

test("HEADGATE_CONFIG names the file, --config another one", async (t) => {
  const cwd = await makeDirectory(t, {
    "a.yaml": "upstream: http://a\n",
    "b.yaml": "upstream: http://b\n",
  });
  const env = { HEADGATE_CONFIG: "a.yaml" };
  const first = await loadConfig({ flags: {}, env, cwd });
  assert.deepEqual([first.file, first.config.upstreams.get("default")?.url.host], ["a.yaml", "a"]);
  const second = await loadConfig({ flags: { config: join(cwd, "b.yaml") }, env, cwd });
  assert.equal(second.config.upstreams.get("default")?.url.host, "b");
});

test("the error for a bad flag or variable names it", async () => {
  const env = { HEADGATE_LISTEN: "8080", HEADGATE_UPSTREAM: "http://app" };
  const message = await messageOf(
    loadConfig({ flags: { logLevel: "inof", upstream: "app:1" }, env, cwd: "/" }),
  );
  const expected = [
    '--upstream: must begin with http://, https:// or unix:/; did you mean "http://app:1"?',
    '--log-level: "inof" is not one of debug, info, warn, error, silent; did you mean "info"?',
    'HEADGATE_LISTEN: "8080" is not an address such as 0.0.0.0:8080, :8080, unix:/path or fd:3; did you mean ":8080"?',
  ];
  assert.deepEqual(message.split("\n").toSorted(), expected.toSorted());
});

test("an inherited socket is used unless the configuration sets an address", async (t) => {
  const env = { LISTEN_FDS: "1", LISTEN_PID: "7", HEADGATE_UPSTREAM: "http://app" };
  const listenOf = async (more: object) =>
    (await loadConfig({ flags: {}, env, cwd: "/", ...more })).config.listen[0]?.address;
  assert.deepEqual(await listenOf({ pid: 7 }), { kind: "fd", fd: 3 });
  assert.equal((await listenOf({ pid: 8 }))?.kind, "tcp", "meant for another process");
  assert.equal((await listenOf({ pid: 7, flags: { listen: ":1" } }))?.kind, "tcp");
  assert.equal(
    (await loadText(t, `${UPSTREAM}listen: :1`, { env, pid: 7 })).config.listen[0]?.address.kind,
    "tcp",
  );
});

test("a route inherits what it does not set", async (t) => {
  const text = `
upstream: { url: http://app, responseTimeout: 7s }
upstreams: { slow: { url: http://slow, responseTimeout: 9s, idleTimeout: 0s, strict: true } }
head: { mode: pass, share: 2s, drain: { bytes: 1KiB } }
routes:
  - { host: A.Example.com., path: /a, upstream: slow }
  - { path: /b, head: convert, idleTimeout: 3s, strict: true }
  - { path: /c, head: { share: 0s, drain: { time: 1s } }, name: sea, upstream: "http://other:1" }
`;
  const { config } = await loadText(t, text);
  const [a, b, c] = config.routes;
  const drain = { bytes: 1_024, time: 200 };
  const base = { ...toHeadConfig("pass"), share: 2_000, drain };
  assert.deepEqual(a, {
    name: "a.example.com/a",
    host: "a.example.com",
    path: "/a",
    head: base,
    upstream: "slow",
    responseTimeout: 9_000,
    idleTimeout: 0,
    strict: true,
  });
  assert.deepEqual(
    [b?.name, b?.head, b?.responseTimeout, b?.idleTimeout, b?.strict],
    ["/b", { ...base, mode: "convert" }, 7_000, 3_000, true],
  );
  assert.deepEqual(
    [c?.name, c?.head, c?.upstream, c?.strict],
    ["sea", { ...base, share: 0, drain: { ...drain, time: 1_000 } }, "http://other:1", false],
  );
  assert.deepEqual([...config.upstreams.keys()], ["default", "slow", "http://other:1"]);
  assert.equal(config.upstreams.get("http://other:1")?.responseTimeout, 60_000);
});

test("the hash is the SHA-256 of the file's bytes", async (t) => {
  const { hash } = await loadText(t, UPSTREAM);
  assert.equal(hash, createHash("sha256").update(UPSTREAM).digest("hex"));
});

test("every problem is reported at once, with its line, a caret and the nearest word", async (t) => {
  const text = `${UPSTREAM}lisen: :80
head: convrt
timeouts: { header: 5 }
routes:
  - path: /users/{id}
    haed: pass
    upstream: blu
  - path: //us%65rs/{name}
upstreams:
  blue: 127.0.0.1:80
`;
  assert.equal(
    await messageOf(loadText(t, text)),
    `f.yaml:2:1 lisen: is not a known key; did you mean "listen"?
  2 | lisen: :80
    | ^^^^^
f.yaml:3:7 head: "convrt" is not one of ${HEAD_MODE_NAMES.join(", ")}; did you mean "convert"?
  3 | head: convrt
    |       ^^^^^^
f.yaml:4:21 timeouts.header: must be a duration such as 250ms or 5s, not the number 5; did you mean "5s"?
  4 | timeouts: { header: 5 }
    |                     ^
f.yaml:7:5 routes[0].haed: is not a known key; did you mean "head"?
  7 |     haed: pass
    |     ^^^^
f.yaml:8:15 routes[0].upstream: "blu" is not in upstreams; did you mean "blue"?
  8 |     upstream: blu
    |               ^^^
f.yaml:9:11 routes[1].path: matches the same requests as routes[0] on line 6
  9 |   - path: //us%65rs/{name}
    |           ^^^^^^^^^^^^^^^^
f.yaml:11:9 upstreams.blue: must begin with http://, https:// or unix:/; did you mean "http://127.0.0.1:80"?
  11 |   blue: 127.0.0.1:80
     |         ^^^^^^^^^^^^`,
  );
});

test("routes conflict if they match the same, in any spelling", async (t) => {
  const conflicts = [
    ["{ host: a.b, path: /x }", "{ host: A.B., path: /x }"],
    ["{ path: /x/* }", "{ path: /x//* }"],
    ["{ path: /a%2fb }", "{ path: /a%2Fb }"],
    ["{ path: '/{a}/*' }", "{ path: '/{b}/*' }"],
  ];
  for (const [one, other] of conflicts) {
    const [problem, ...rest] = await problemsOf(
      loadText(t, `${UPSTREAM}routes:\n  - ${one}\n  - ${other}\n`),
    );
    assert.deepEqual(
      [problem?.line, problem?.message, rest.length],
      [4, "matches the same requests as routes[0] on line 3", 0],
    );
  }
  const distinct =
    "routes: [{ path: /x }, { path: /x/ }, { path: /x/* }, { path: '/{x}' }, { host: a, path: /x }, { host: '*.a', path: /x }]";
  assert.equal((await loadText(t, `${UPSTREAM}${distinct}`)).config.routes.length, 6);
});

/**
 * Symptom: two routes with the same name passed check, and /status.json counted each request of one for both. Root cause: only what routes
 * match was compared. Fix: names are compared too, also with those that metrics use themselves.
 */
test("two routes cannot share a name, set or made of host and path", async (t) => {
  const rows: readonly (readonly [one: string, other: string, col: number, message: string])[] = [
    [
      "{ path: /a, name: x }",
      "{ path: /b, name: x }",
      23,
      '"x" is the name of routes[0] on line 3',
    ],
    ["{ path: /a }", "{ path: /b, name: /a }", 23, '"/a" is the name of routes[0] on line 3'],
    ["{ path: /b, name: h/a }", "{ path: /a, host: H. }", 5, '"h/a" is the name of routes[0] on'],
    ["{ path: /a }", "{ path: /b, name: default }", 23, '"default" is the name of the route of'],
    ["{ path: /a }", "{ path: /b, name: none }", 23, '"none" is the name of what is refused'],
  ];
  for (const [one, other, col, message] of rows) {
    const problems = await problemsOf(
      loadText(t, `${UPSTREAM}routes:\n  - ${one}\n  - ${other}\n`),
    );
    assert.equal(problems.length, 1, other);
    assert.deepEqual(
      [problems[0]?.line, problems[0]?.col, problems[0]?.key],
      [4, col, "routes[1].name"],
    );
    assert.ok(problems[0]?.message.startsWith(message), problems[0]?.message);
  }
  const swapped = "routes: [{ path: /a, name: /b }, { path: /b, name: /a }]";
  assert.equal((await loadText(t, `${UPSTREAM}${swapped}`)).config.routes.length, 2);
});

test("a Unix socket has the configured mode, or the default of its port; nothing else has a mode", async (t) => {
  const both = `listen: unix:/a\nadmin: { address: "unix:/b", mode: "660" }\n`;
  const { config } = await loadText(t, UPSTREAM + both);
  assert.deepEqual(
    [...toAddresses(config), config.admin],
    [
      { kind: "unix", path: "/a", mode: 0o666 },
      { kind: "unix", path: "/b", mode: 0o660 },
    ],
  );
  const tcp = await loadText(
    t,
    `${UPSTREAM}listen: { address: ":1" }\nadmin: { address: "off" }\n`,
  );
  assert.deepEqual(
    [...toAddresses(tcp.config), tcp.config.admin],
    [{ kind: "tcp", host: "0.0.0.0", port: 1 }, "off"],
  );
  const flags = { listen: "unix:/c" };
  const { config: flagged } = await loadText(t, UPSTREAM + both, { flags });
  assert.deepEqual(toAddresses(flagged), [{ kind: "unix", path: "/c", mode: 0o666 }]);
});

test("an invalid mode is reported with its line and column", async (t) => {
  for (const [value, expected] of [
    [
      '{ address: "unix:/a", mode: 0660 }',
      /^f\.yaml:2:37 listen\.mode: must be a file mode in quotes such as "0666", not the number 660\n/,
    ],
    [
      '{ address: "unix:/a", mode: "0999" }',
      /^f\.yaml:2:37 listen\.mode: "0999" is not a file mode such as "0660": three octal digits\n/,
    ],
    ['{ address: "unix:/a", mode: "rw" }', /^f\.yaml:2:37 listen\.mode: "rw" is not a file mode/],
    [
      '{ address: ":80", mode: "0660" }',
      /^f\.yaml:2:33 listen\.mode: is the mode of a Unix socket, and the address is none\n/,
    ],
    [
      '{ address: "fd:3", mode: "0660" }',
      /^f\.yaml:2:34 listen\.mode: is the mode of a Unix socket/,
    ],
    ['{ mode: "0660" }', /^f\.yaml:2:9 listen\.address: is missing/],
    [
      '{ address: "unix:/a", moed: "0660" }',
      /^f\.yaml:2:31 listen\.moed: is not a known key; did you mean "mode"\?/,
    ],
  ] as const)
    assert.match(await messageOf(loadText(t, `${UPSTREAM}listen: ${value}\n`)), expected);
});

/**
 * Symptom: a route file whose listen and admin are one address passed check, and the start reported that another process listens there.
 * Root cause: each address was checked alone. Fix: they are compared.
 */
test("admin cannot be the same address as listen", async (t) => {
  const written = await messageOf(loadText(t, `${UPSTREAM}listen: 127.0.0.1:8080\nadmin: :8080\n`));
  assert.equal(
    written,
    `f.yaml:3:8 admin: 0.0.0.0:8080 is taken by listen, 127.0.0.1:8080: choose another, or off
  3 | admin: :8080
    |        ^^^^^`,
  );
  assert.match(
    await messageOf(loadText(t, `${UPSTREAM}listen: unix:/a\nadmin: unix:/a\n`)),
    /^f\.yaml:3:8 admin: unix:\/a is taken by listen, unix:\/a: /,
  );
  const flags = { upstream: "http://app", listen: ":9090" };
  // The operator did not set the default: admin is turned off, with a warning at the start.
  assert.equal((await loadConfig({ flags, env: {}, cwd: "/" })).config.isAdminDefault, true);
  assert.match(
    await messageOf(loadConfig({ flags: { ...flags, admin: "[::]:9090" }, env: {}, cwd: "/" })),
    /^--admin: \[::\]:9090 is taken by listen/,
  );
  const off = await loadConfig({ flags: { ...flags, admin: "off" }, env: {}, cwd: "/" });
  assert.equal(off.config.admin, "off");
});

test("each kind of unusable file has its own message", async (t) => {
  const cwd = await makeDirectory(t, {
    "locked.yaml": UPSTREAM,
    "latin.yaml": new Uint8Array([0x61, 0x3a, 0x20, 0xe9]),
  });
  await mkdir(join(cwd, "directory"));
  await chmod(join(cwd, "locked.yaml"), 0);
  const expected: Readonly<Record<string, string>> = {
    "none.yaml": "none.yaml: does not exist",
    directory: "directory: is a directory",
    "latin.yaml": "latin.yaml: is not UTF-8 text",
    "/dev/zero": "/dev/zero: is larger than 256 KiB",
    // root reads everything
    ...(process.getuid?.() === 0
      ? {}
      : { "locked.yaml": "locked.yaml: may not be read by this user" }),
  };
  for (const [config, message] of Object.entries(expected)) {
    assert.equal(await messageOf(loadConfig({ flags: { config }, env: {}, cwd })), message);
  }
});

test("a byte order mark is not part of the text", async (t) => {
  assert.equal((await loadText(t, `\ufeff${UPSTREAM}`)).config.upstreams.size, 1);
});

test("each kind of unusable YAML has its own message, with line and column", async (t) => {
  const expected: readonly (readonly [text: string, message: RegExp])[] = [
    ["", /^f\.yaml:1:1: the file is empty/],
    ["# only a comment\n", /^f\.yaml:1:1: the file holds nothing but comments/],
    ["~\n", /^f\.yaml:1:1: the file is empty/],
    ["a\n", /^f\.yaml:1:1: a colon is missing after this key/],
    ["- a\n", /^f\.yaml:1:1: must be a mapping, not a list/],
    [`${UPSTREAM}head:\n\tmode: pass\n`, /^f\.yaml:3:1: a tab indents this line/],
    [`${UPSTREAM}head: { mode: pass\n`, /^f\.yaml:2:7: this \{ is not closed/],
    [
      `${UPSTREAM}listen: [\${A}]\n`,
      /^f\.yaml:2:11: between brackets or braces a value with { or \[ in it must stand in quotes\n.*\n.*\^$/,
    ],
    [`${UPSTREAM}routes: [{ path: /users/{id} }]\n`, /^f\.yaml:2:25: between brackets or braces/],
    [`${UPSTREAM}listen: :1\nlisten: :2\n`, /^f\.yaml:3:1 listen: is written twice/],
    [`${UPSTREAM}---\n${UPSTREAM}`, /^f\.yaml:2:1: a second document begins here/],
    [
      `${UPSTREAM}upstreams: { 80: http://a }\n`,
      /^f\.yaml:2:14 upstreams: a key must be text: put it in quotes/,
    ],
    [`${UPSTREAM}upstreams: { ? [a] : http://a }\n`, /a key must be text/],
    [
      `${UPSTREAM}__proto__: { listen: :1 }\n`,
      /^f\.yaml:2:1 __proto__: is not a key that can be used/,
    ],
    [
      `${UPSTREAM}upstreams: { __proto__: http://a, constructor: http://b }\n`,
      /^f\.yaml:2:14 upstreams\.__proto__: is not a key/,
    ],
    [`${UPSTREAM}constructor: 1\n`, /^f\.yaml:2:1 constructor: is not a known key/],
    [`${UPSTREAM}listen: *a\n`, /alias/],
    [`${UPSTREAM}listen: !secret x\n`, /what begins with ! is a tag/],
    [`${UPSTREAM}routes: &a [*a]\n`, /an alias leads back to itself/],
    [
      `${UPSTREAM}routes:\n`,
      /^f\.yaml:2:1 routes: has no value: write a list of routes, or leave the key out/,
    ],
    [
      `${UPSTREAM}admin: off\nlimits: { waiting: 1.5 }\n`,
      /limits\.waiting: must be a whole number/,
    ],
    [`${UPSTREAM}limits: { waiting: 99999999999999999999 }\n`, /limits\.waiting: /],
    [
      `${UPSTREAM}limits: { waiting: .inf }\n`,
      /limits\.waiting: must be a whole number, not the number Infinity/,
    ],
    [
      `${UPSTREAM}admin: false\n`,
      /admin: must be an address such as .* not the boolean false; did you mean "off"/,
    ],
    [`${UPSTREAM}limits: { waiting: -1 }\n`, /limits\.waiting: must be at least 0/],
    [`${UPSTREAM}head: { share: 61s }\n`, /head\.share: must be at most 1m/],
    [`${UPSTREAM}timeouts: { header: 0s }\n`, /timeouts\.header: must be longer than 0/],
    [`upstream: { keepAlive: 1s }\n`, /^f\.yaml:1:11 upstream\.url: is missing/],
    [
      `upstream: []\n`,
      /^f\.yaml:1:11 upstream: must be a URL such as http:\/\/127\.0\.0\.1:8000, not a list/,
    ],
    [
      `${UPSTREAM}upstreams: { default: http://a }\n`,
      /upstreams\.default: is the name of the top-level upstream/,
    ],
  ];
  for (const [text, message] of expected)
    assert.match(await messageOf(loadText(t, text)), message, text.slice(0, 80));
});

test("aliases repeat settings, but cannot expand a small file into a large one", async (t) => {
  const shared = `${UPSTREAM}routes:\n  - { path: /a, head: &h { mode: pass } }\n  - { path: /b, head: *h }\n`;
  assert.equal((await loadText(t, shared)).config.routes[1]?.head.mode, "pass");
  const levels = Array.from(
    { length: 12 },
    (_, level) =>
      `l${level}: &l${level} [${Array(10)
        .fill(level === 0 ? "x" : `*l${level - 1}`)
        .join(", ")}]`,
  );
  assert.match(
    await messageOf(loadText(t, levels.join("\n"))),
    /aliases repeat more than 10000 values/,
  );
});

test("a mistake in an alias is shown where it is written", async (t) => {
  const text = `${UPSTREAM}routes:\n  - { path: /a, head: &h { mode: pas } }\n  - { path: /b, head: *h }\n`;
  const problems = await problemsOf(loadText(t, text));
  assert.deepEqual(
    problems.map(({ line, key }) => [line, key]),
    [
      [3, "routes[0].head.mode"],
      [3, "routes[1].head.mode"],
    ],
  );
});

test("a file is read as YAML 1.2 with any directive: off is a string", async (t) => {
  assert.equal((await loadText(t, `%YAML 1.1\n---\n${UPSTREAM}admin: off\n`)).config.admin, "off");
});

test("control characters of a file never reach the terminal", async (t) => {
  const message = await messageOf(
    loadText(t, `${UPSTREAM}"\\e[31m\\u202e": 1\nlisten: "a\x1b[2J"\n`),
  );
  assert.doesNotMatch(message.replaceAll("\n", ""), /[\p{Cc}\p{Cf}]/u);
});

test("a very long line is cut around the mistake", async (t) => {
  const message = await messageOf(
    loadText(
      t,
      `{ upstream: http://a, listen: ":1", ${" ".repeat(5_000)} haed: 1, ${" ".repeat(5_000)} }`,
    ),
  );
  const [head, line = "", caret = ""] = message.split("\n");
  assert.match(head ?? "", /^f\.yaml:1:5038 haed: /);
  assert.ok(line.length < 120);
  assert.equal(line.slice(caret.indexOf("^"), caret.lastIndexOf("^") + 1), "haed");
});

test("problems beyond the display limit are counted", async (t) => {
  const text = `${UPSTREAM}${Array.from({ length: 500 }, (_, index) => `k${index}: 1\n`).join("")}`;
  assert.match(await messageOf(loadText(t, text)), /\n… and 400 more$/);
});
