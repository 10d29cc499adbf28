import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { generateKeyPairSync } from "node:crypto";
import { join } from "node:path";
import test from "node:test";
import { loadConfig } from "../../src/config/load.ts";
import { CERTIFICATE, KEY, SHORT_CERTIFICATE, SHORT_KEY } from "../support/certificate.ts";
import { loadText, makeDirectory, messageOf, problemsOf } from "../support/route-file.ts";

test("TLS file paths are relative to the route file", async (t) => {
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

test("a file that cannot be used is a problem with its line and column", async (t) => {
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

/**
 * Symptom: a TLS file that cannot be used passed check, start and reload; then each request was a 500. Root cause: the file was only
 * checked for the words of a PEM block, and each connection reads it anew. Fix: headgate reads it once as OpenSSL would.
 */
const JUNK_CERTIFICATE = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const CUT_OFF = CERTIFICATE.slice(0, CERTIFICATE.length / 2);
const JUNK_KEY = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const OTHER_KEY = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
const LOCK = { cipher: "aes-256-cbc", passphrase: "secret" };
const ENCRYPTED = privateKey.export({ type: "pkcs8", format: "pem", ...LOCK }) as string;
const ENCRYPTED_SEC1 = privateKey.export({ type: "sec1", format: "pem", ...LOCK }) as string;

const unusable: readonly (readonly [string, Readonly<Record<string, string>>, string, RegExp])[] = [
  [
    "a key of another certificate",
    { cert: CERTIFICATE, key: OTHER_KEY },
    "key",
    /^the file's key does not belong to the certificate in cert$/,
  ],
  ["an encrypted key", { cert: CERTIFICATE, key: ENCRYPTED }, "key", /key is encrypted, and/],
  [
    "an encrypted key of the old form",
    { cert: CERTIFICATE, key: ENCRYPTED_SEC1 },
    "key",
    /is encrypted/,
  ],
  ["an unreadable key", { cert: CERTIFICATE, key: JUNK_KEY }, "key", /key cannot be read \(/],
  [
    "an unreadable certificate",
    { cert: JUNK_CERTIFICATE, key: KEY },
    "cert",
    /^the file's certificate cannot be read \(wrong tag\)$/,
  ],
  ["a truncated chain", { cert: CERTIFICATE + CUT_OFF, key: KEY }, "cert", /certificate 2 /],
  ["an unreadable authority", { ca: JUNK_CERTIFICATE }, "ca", /certificate cannot be read \(/],
  [
    "a second authority that is unreadable",
    { ca: CERTIFICATE + JUNK_CERTIFICATE },
    "ca",
    /certificate 2/,
  ],
  [
    "a request for a certificate",
    { ca: CERTIFICATE.replaceAll("TE--", "TE REQUEST--") },
    "ca",
    /no/,
  ],
];

for (const [what, files, part, expected] of unusable) {
  test(`${what} is a problem with its line and column`, async (t) => {
    const lines = Object.keys(files).map((name) => `    ${name}: ${name}.pem\n`);
    const cwd = await makeDirectory(t, {
      ...Object.fromEntries(Object.entries(files).map(([name, text]) => [`${name}.pem`, text])),
      "f.yaml": `upstream:\n  url: https://app\n  tls:\n${lines.join("")}`,
    });
    const problems = await problemsOf(loadConfig({ flags: { config: "f.yaml" }, env: {}, cwd }));
    assert.equal(problems.length, 1, JSON.stringify(problems));
    const { line, col, key, message } = problems[0] ?? assert.fail();
    assert.equal(key, `upstream.tls.${part}`);
    assert.deepEqual([line, col], [4 + Object.keys(files).indexOf(part), 7 + part.length]);
    assert.match(message, expected);
  });
}

test("a key that is too short for OpenSSL is a problem, though it can be read", async (t) => {
  const text = "upstream: { url: https://app, tls: { cert: cert.pem, key: key.pem } }\n";
  const cwd = await makeDirectory(t, {
    "f.yaml": text,
    "cert.pem": SHORT_CERTIFICATE,
    "key.pem": SHORT_KEY,
  });
  const [problem] = await problemsOf(loadConfig({ flags: { config: "f.yaml" }, env: {}, cwd }));
  assert.equal(problem?.key, "upstream.tls.cert");
  assert.equal(problem.message, "the file cannot be used (ee key too small)");
});

test("text around the blocks and the older labels are read", async (t) => {
  const ca = `# the first\n${CERTIFICATE}\nsubject=b\n${CERTIFICATE.replaceAll("CERT", "X509 CERT")}`;
  const text = "upstream: { url: https://app, tls: { ca: ca.pem } }\n";
  const cwd = await makeDirectory(t, { "f.yaml": text, "ca.pem": ca });
  const { config } = await loadConfig({ flags: { config: "f.yaml" }, env: {}, cwd });
  assert.equal(config.upstreams.get("default")?.tls?.ca, ca);
});
