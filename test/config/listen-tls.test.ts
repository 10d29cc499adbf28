/** Mistakes in the settings of a listener: each is a problem at its place, with what to write instead. */

import assert from "node:assert/strict";
import { X509Certificate, createPrivateKey } from "node:crypto";
import test, { type TestContext } from "node:test";

import { readTextFile } from "../../src/config/files.ts";
import { loadConfig } from "../../src/config/load.ts";
import { readTlsFiles } from "../../src/config/tls.ts";
import { createAuthority } from "../support/authority.ts";
import { loadText, makeDirectory, messageOf, problemsOf } from "../support/route-file.ts";
import { findSchemaErrors } from "../support/schema-validator.ts";

const PAIR = "cert: a.crt, key: a.key";

/** The last line of `listen`, the text that begins where the problem is shown, and the problem. */
const wrong: readonly (readonly [line: string, at: string, problem: string])[] = [
  ["tls: { key: a.key }", "{", "tls.cert: is missing: the path of a PEM file"],
  ["tls: { cert: a.crt }", "{", "tls.key: is missing: the path of a PEM file"],
  ["tls: { cert: no.crt, key: a.key }", "no.crt", "tls.cert: the file does not exist"],
  ["tls: { cert: a.crt, key: . }", ". }", "tls.key: the file is a directory"],
  [
    "tls: { cert: a.crt, key: b.key }",
    "b.key",
    "tls.key: the file's key does not belong to the certificate in cert",
  ],
  [
    "tls: { cert: a.crt, key: locked.key }",
    "locked.key",
    "tls.key: the file's key is encrypted, and headgate asks for no passphrase",
  ],
  [
    "tls: { cert: a.crt, key: a.crt }",
    "a.crt }",
    'tls.key: the file holds no "PRIVATE KEY-----" block, but "CERTIFICATE"',
  ],
  [
    "tls: { cert: a.der, key: a.key }",
    "a.der",
    "tls.cert: the file is not PEM text: convert DER and PKCS#12 to PEM",
  ],
  [
    "tls: { cert: reversed.crt, key: a.key }",
    "reversed.crt",
    "tls.cert: the key belongs to certificate 2 in the file, which must be the first",
  ],
  [
    "tls: { cert: client.crt, key: client.key }",
    "client.crt",
    "tls.cert: the certificate is not for servers: its extended key usage has no serverAuth",
  ],
  [
    "tls: { cert: old.crt, key: old.key }",
    "old.crt",
    "tls.cert: the certificate has expired: it was valid until ",
  ],
  [
    "tls: { cert: nameless.crt, key: nameless.key }",
    "nameless.crt",
    "tls.cert: the certificate has no subjectAltName, so clients accept it for no name",
  ],
  [
    `tls: { ${PAIR}, certificates: [{ cert: b.crt, key: a.key }] }`,
    "a.key }] }",
    "tls.certificates[0].key: the file's key does not belong to the certificate in cert",
  ],
  [
    `tls: { ${PAIR}, certificates: { cert: b.crt, key: b.key } }`,
    "{ cert: b.crt",
    "tls.certificates: must be a list of certificates with cert and key, not a mapping",
  ],
  [
    `tls: { ${PAIR}, clientCA: b.key }`,
    "b.key",
    'tls.clientCA: the file holds no "CERTIFICATE-----" block, but "PRIVATE KEY"',
  ],
  [
    `tls: { ${PAIR}, clientCA: b.crt }`,
    "b.crt",
    "tls.clientCA: the file has no root certificate: each of its certificates was issued by another one",
  ],
  [
    `tls: { ${PAIR}, clientAuth: require }`,
    "clientAuth",
    "tls.clientAuth: needs clientCA beside it",
  ],
  [
    `tls: { ${PAIR}, forwardClientCert: true }`,
    "forwardClientCert",
    "tls.forwardClientCert: needs clientCA beside it",
  ],
  [
    `tls: { ${PAIR}, minVersion: 1.2 }`,
    "1.2",
    'tls.minVersion: must be one of 1.2, 1.3, not the number 1.2; did you mean "1.2"?',
  ],
  [
    `tls: { ${PAIR}, minVersion: TLSv1.3 }`,
    "TLSv1.3",
    'tls.minVersion: "TLSv1.3" is not one of 1.2, 1.3; did you mean "1.3"?',
  ],
  [
    `tls: { ${PAIR}, minVersion: "1.1" }`,
    '"1.1"',
    'tls.minVersion: "1.1" is not one of 1.2, 1.3; did you mean "1.2"?',
  ],
  [`tls: { ${PAIR}, ca: ca.crt }`, "ca:", 'tls.ca: is not a known key; did you mean "clientCA"?'],
  [
    'http2: "true"',
    '"true"',
    "http2: must be true or false, not text; did you mean true, without quotes?",
  ],
  [
    'proxyProtocol: "true"',
    '"true"',
    "proxyProtocol: must be true, false or optional, not text; did you mean true, without quotes?",
  ],
  [
    "proxyProtocol: v2",
    "v2",
    "proxyProtocol: must be true, false or optional, not text; did you mean true?",
  ],
];

test("each mistake in a listener is a problem at its place", async (t) => {
  const cwd = await makeFiles(t);
  for (const [line, at, problem] of wrong) {
    await t.test(line, async () => {
      const given = `upstream: http://app\nlisten:\n  address: :8443\n  ${line}\n`;
      const problems = await problemsOf(load(cwd, given));
      const [first] = problems;
      assert.equal(problems.length, 1, JSON.stringify(problems));
      assert.ok(first !== undefined);
      assert.equal(first.line, 4);
      assert.ok(`  ${line}`.slice((first.col ?? 0) - 1).startsWith(at), `column ${first.col}`);
      const told = `${first.key}: ${first.message}`;
      assert.equal(told.slice(0, problem.length + 7), `listen.${problem}`);
    });
  }
});

test("an editor refuses the keys that need clientCA, and takes what check takes", async (t) => {
  const cwd = await makeFiles(t);
  const check = async (settings: string): Promise<readonly string[]> => {
    const given = `upstream: http://app\nlisten: { address: ":8443", tls: { ${PAIR}, ${settings} } }\n`;
    const isValid = await load(cwd, given).then(
      () => true,
      () => false,
    );
    assert.equal(findSchemaErrors(given).length === 0, isValid, given);
    return isValid ? ["valid"] : [];
  };
  assert.deepEqual(await check("clientAuth: request"), []);
  assert.deepEqual(await check("forwardClientCert: true"), []);
  assert.deepEqual(await check("forwardClientCert: false"), ["valid"]);
  assert.deepEqual(await check("forwardClientCert: true, clientCA: ca.crt"), ["valid"]);
});

test("a certificate that is not valid yet is a problem at its place", async (t) => {
  const authority = createAuthority(t);
  const { certFile, keyFile } = authority.issue({ names: "DNS:a.test" });
  const value = { listen: { address: ":8443", tls: { cert: certFile, key: keyFile } } };
  const lastYear = Date.now() - 365 * 86_400_000;
  const { unusable } = await readTlsFiles(value, "/f.yaml", {
    readFile: readTextFile,
    nowMs: lastYear,
  });
  assert.deepEqual(
    unusable.map(({ path, message }) => [path, message.replace(/ [A-Z][a-z]{2} .*/, "")]),
    [[["listen", "tls", "cert"], "the certificate is not valid before"]],
  );
});

test("two listeners of one address are named", async (t) => {
  const yaml =
    'upstream: http://app\nlisten:\n  - ":1"\n  - ":2"\n  - { address: "127.0.0.1:2" }\n';
  assert.match(
    await messageOf(loadText(t, yaml)),
    /^f\.yaml:5:5 listen\[2\]: 127\.0\.0\.1:2 is taken by listen\[1\], 0\.0\.0\.0:2: choose another\n/,
  );
});

test("the PROXY protocol needs peers that are trusted", async (t) => {
  for (const [listen, key] of [
    ["{ address: :1, proxyProtocol: true }", "listen.proxyProtocol"],
    ["[{ address: :1, proxyProtocol: optional }]", "listen[0].proxyProtocol"],
  ] as const) {
    const yaml = `upstream: http://app\nforwarded: off\nlisten: ${listen}\n`;
    const [problem] = await problemsOf(loadText(t, yaml));
    assert.deepEqual([problem?.line, problem?.key], [3, key]);
    assert.match(problem?.message ?? "", /^needs forwarded\.trust/);
  }
});

function load(cwd: string, yaml: string) {
  const sources = { flags: { config: "-" }, env: {}, cwd, unusable: "refuse" } as const;
  return loadConfig({ ...sources, readInput: async () => new TextEncoder().encode(yaml) });
}

async function makeFiles(t: TestContext): Promise<string> {
  const authority = createAuthority(t);
  const a = authority.issue({ names: "DNS:a.test" });
  const b = authority.issue({ names: "DNS:b.test" });
  const old = authority.issue({ names: "DNS:a.test", days: -1 });
  const nameless = authority.issue({ names: "" });
  const client = authority.issue({ names: "DNS:a.test", usage: "clientAuth" });
  const lock = { cipher: "aes-256-cbc", passphrase: "secret" };
  const locked = createPrivateKey(a.key).export({ type: "pkcs8", format: "pem", ...lock });
  return makeDirectory(t, {
    "a.crt": a.cert,
    "a.key": a.key,
    "b.crt": b.cert,
    "b.key": b.key,
    "old.crt": old.cert,
    "old.key": old.key,
    "nameless.crt": nameless.cert,
    "nameless.key": nameless.key,
    "client.crt": client.cert,
    "client.key": client.key,
    "ca.crt": authority.cert,
    "reversed.crt": authority.cert + a.cert,
    "a.der": new X509Certificate(a.cert).raw,
    "locked.key": locked,
  });
}
