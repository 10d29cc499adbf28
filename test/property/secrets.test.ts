// The output of `explain` and `check`, with secrets in every place where a request or a route file can have one.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";

import { check } from "../../src/cli/check.ts";
import { explain } from "../../src/cli/explain/command.ts";
import type { Command } from "../../src/cli/io.ts";
import { hideFieldValue, isSecretField } from "../../src/http/secrets.ts";
import { fc } from "../support/property.ts";
import { makeDirectory } from "../support/route-file.ts";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const secrets = fc.string({ unit: fc.constantFrom(...LETTERS), minLength: 16, maxLength: 40 });
const digits = fc.integer({ min: 10_000_000_000, max: 99_999_999_999 }).map(String);

const NAMES = ["Authorization", "Proxy-Authorization", "Cookie", "Cookie2", "Set-Cookie"]
  .concat(["X-Api-Key", "X-ApiKey", "X-Auth-Token", "X-CSRF-Token", "X-Amz-Security-Token"])
  .concat(["X-Hub-Signature-256", "Ocp-Apim-Subscription-Key", "X-Session-Id", "X-SID", "DPoP"])
  .concat(["X-Client-Secret", "X-User-Password", "X-Credential", "Cf-Access-Jwt-Assertion"])
  .concat(["X-Goog-Iap-Jwt-Assertion", "Sec-WebSocket-Protocol", "Authentication-Info"]);

/** In any letter case, and with `_` for some of the `-`. */
const names = fc
  .tuple(fc.constantFrom(...NAMES), fc.array(fc.boolean(), { minLength: 30, maxLength: 30 }))
  .map(([name, flips]) => [...name].map((one, at) => (flips[at] ? flip(one) : one)).join(""));

function flip(letter: string): string {
  if (letter === "-") return "_";
  return letter === letter.toLowerCase() ? letter.toUpperCase() : letter.toLowerCase();
}

/** S is the secret, V is a variable that holds it. */
const FAULTS = [
  "upstream: http://user:S@host:8000",
  "upstream: http://S@host",
  "upstream: user:S@host:8000",
  'upstream: { url: "https://a:p@S/@host" }',
  "upstream: http://host/?token=S",
  'upstreams: { a: "http://host/x?a=b&c=S" }',
  "api_key: S",
  "upstream: { url: http://host, password: S }",
  'upstream: { url: http://host, "authToken": [1, S] }',
  "upstream: V",
  "upstream: http://user:V@host",
  "upstream: { url: V, headerBytes: V, keepAlive: V, host: V }",
  "upstream: { url: https://host, tls: { ca: V } }",
  "upstreams: { a: V }",
  "listen: V",
  'listen: ":V"',
  "listen: unix:V",
  'listen: { address: unix:/run/x, mode: "V" }',
  "admin: V",
  "head: V",
  'head: { mode: V, share: V, drain: { bytes: V }, limit: { rate: "V/s" } }',
  "options: V",
  'routes: [{ path: "V" }]',
  'routes: [{ path: "/V" }, { path: "/V" }]',
  'routes: [{ path: /a, host: "V!", upstream: "V" }]',
  "limits: { waiting: V, headerCount: V }",
  'forwarded: { trust: ["V"] }',
  'log: { level: V, fields: ["V"] }',
  "timeouts: { header: V }",
  "requestId: V",
  // A password whose colon is missing, or that YAML takes for an alias; a key in the place of its file.
  "upstream: http://host\npassword S",
  "upstream: http://host\npassword: *S",
  'upstream: { url: https://host, tls: { key: "-----BEGIN PRIVATE KEY-----\\nS\\n-----END PRIVATE KEY-----", cert: x } }',
  `upstream: { url: https://host, tls: { key: "-----BEGIN PRIVATE KEY-----\\n${"A".repeat(1600)}S\\n-----END PRIVATE KEY-----", x: y } }`,
  `upstream:\n  url: https://host\n  tls:\n    key: -----BEGIN PRIVATE KEY-----\n  SS${"A".repeat(32)}\n  x: y\n`,
];

async function run(
  cwd: string,
  command: Command,
  args: readonly string[],
  { yaml = "", env = {} }: { yaml?: string; env?: Record<string, string> } = {},
): Promise<string> {
  await writeFile(join(cwd, "f.yaml"), yaml);
  let printed = "";
  const print = (text: string): void => void (printed += text);
  const io = {
    env,
    cwd,
    readInput: () => Promise.reject(new Error("nothing is read")),
    out: print,
    err: print,
  };
  // main.ts prints the errors that a command throws.
  await command(args, io as unknown as Parameters<Command>[1]).catch((error: unknown) => {
    print(error instanceof Error ? `${error.message} ${JSON.stringify(error)}` : String(error));
  });
  assert.ok(printed.length > 0);
  return printed;
}

test("explain shows no secret of a query, a URL's userinfo or a field, in any spelling of its name", async (t) => {
  const cwd = await makeDirectory(t, {});
  const property = fc.asyncProperty(
    secrets,
    fc.uniqueArray(names, { minLength: 1, maxLength: 4 }),
    fc.constantFrom("GET", "HEAD", "OPTIONS", "CONNECT", "post"),
    async (secret, fields, method) => {
      const lines = fields.map((name) => `${name}: a=${secret}`);
      const urls = ["Referer", "Origin", "X-Original-URL", "Link"].map(
        (name) => `${name}: <http://me:${secret}@h/p?${secret}=1&a=${secret}>`,
      );
      const args = ["--upstream", "http://127.0.0.1:1", ...[...lines, ...urls].flatMap(toFlag)];
      for (const url of [`/p?t=${secret}`, `http://me:${secret}@h.test/p?${secret}#${secret}`])
        for (const format of [[], ["--json"]]) {
          const told = await run(cwd, explain, [method, url, ...args, ...format]);
          assert.ok(!told.includes(secret), told);
        }
    },
  );
  await fc.assert(property);
});

test("check repeats no password, no secret parameter and no value of a variable", async (t) => {
  const cwd = await makeDirectory(t, {});
  const property = fc.asyncProperty(
    fc.oneof(secrets, digits),
    fc.constantFrom(...FAULTS),
    fc.constantFrom([], ["--json"]),
    async (secret, fault, format) => {
      const yaml = fault.replaceAll("S", secret).replaceAll("V", "${SECRET}");
      const rest = yaml.startsWith("upstream:") ? "" : "\nupstream: http://127.0.0.1:1\n";
      const env = { SECRET: secret, OTHER: secret };
      const told = await run(cwd, check, ["f.yaml", ...format], { yaml: `${yaml}${rest}`, env });
      assert.ok(!told.includes(secret), `${yaml}\n${told}`);
      assert.match(told, /problem/);
    },
  );
  await fc.assert(property, { numRuns: 20 * FAULTS.length });
  const env = { HEADGATE_UPSTREAM: "http://user:s3cret@host" };
  assert.doesNotMatch(await run(cwd, check, [], { env }), /s3cret/);
});

test("the fields of most requests are shown unchanged", () => {
  const plain = ["Accept", "Accept-Encoding", "Content-Type", "Content-Length", "ETag", "Host"]
    .concat(["If-None-Match", "Range", "User-Agent", "Via", "X-Forwarded-For", "X-Request-Id"])
    .concat(["traceparent", "Connection", "Upgrade", "Transfer-Encoding", "TE", "Expect", "Origin"])
    .concat(["Tus-Resumable", "Max-Forwards", "Depth", "Destination", "X-HTTP-Method-Override"]);
  for (const name of plain) assert.ok(!isSecretField(name), name);
  assert.equal(hideFieldValue("If-None-Match", 'W/"a", "b"'), 'W/"a", "b"');
  assert.equal(hideFieldValue("User-Agent", "curl/8 (a@b.example)"), "curl/8 (a@b.example)");
  assert.equal(hideFieldValue("Referer", "http://a.example/b?"), "http://a.example/b?");
});

function toFlag(line: string): readonly string[] {
  return ["-H", line];
}
