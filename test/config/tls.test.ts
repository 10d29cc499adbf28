import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import { loadConfig } from "../../src/config/load.ts";
import { loadText, makeDirectory, messageOf, problemsOf } from "../support/route-file.ts";

const CERTIFICATE = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
const KEY = "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n";

test("TLS files are read beside the route file", async (t) => {
  const cwd = await makeDirectory(t, {});
  await mkdir(join(cwd, "etc"));
  const files = {
    "ca.pem": CERTIFICATE,
    "key.pem": KEY,
    "f.yaml":
      "upstream: { url: https://app, tls: { ca: ca.pem, cert: ./ca.pem, key: key.pem, verify: false } }\n",
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(cwd, "etc", name), text);
  const { config } = await loadConfig({ flags: { config: "etc/f.yaml" }, env: {}, cwd });
  assert.deepEqual(config.upstreams.get("default")?.tls, {
    ca: CERTIFICATE,
    cert: CERTIFICATE,
    key: KEY,
    serverName: undefined,
    verify: false,
  });
});

test("a file that cannot be used is a problem at its place", async (t) => {
  const text =
    "upstream: http://app\nupstreams:\n  a:\n    url: https://a\n    tls: { ca: none.pem, cert: f.yaml, key: / }\n";
  const problems = await problemsOf(loadText(t, text));
  assert.deepEqual(
    problems.map(({ line, key, message }) => [line, key, message]),
    [
      [5, "upstreams.a.tls.ca", "the file does not exist"],
      [5, "upstreams.a.tls.cert", 'the file holds no "CERTIFICATE-----" block'],
      [5, "upstreams.a.tls.key", "the file is a directory"],
    ],
  );
});

test("a certificate needs its key, and TLS needs https", async (t) => {
  const message = await messageOf(
    loadText(t, "upstream:\n  url: http://app\n  tls: { cert: f.yaml }\n"),
  );
  assert.match(message, /upstream\.tls: has no effect: the url does not begin with https/);
  assert.match(message, /upstream\.tls\.cert: needs key beside it/);
  assert.match(
    await messageOf(loadText(t, "upstream: { url: https://app, tls: { key: f.yaml } }")),
    /upstream\.tls\.key: needs cert beside it/,
  );
});
