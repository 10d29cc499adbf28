/**
 * The command that headgate prints at its start works as printed, and verifies the certificate.
 *
 * Symptom: with TLS, the start printed `curl -kI`, which accepts any certificate, also an attacker's; for a Unix socket with TLS the command
 * failed, and in zsh each command with an IPv6 address. Root cause: the command was made of the address alone. Fix: it trusts the listener's
 * own certificate, asks for one of its names, and has quotes where a shell needs them.
 */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { promisify } from "node:util";

import { toTry } from "../../src/cli/to-try.ts";
import { createAuthority } from "../support/authority.ts";
import { startOrigin } from "../support/origin.ts";
import { startProcess } from "../support/process.ts";
import { getOnly, text } from "../support/responses.ts";
import { makeDirectory } from "../support/route-file.ts";

const TRIES: readonly (readonly [string, string])[] = [
  ["http://127.0.0.1:8080", "curl -I http://127.0.0.1:8080/"],
  ["http://0.0.0.0:8080", "curl -I http://127.0.0.1:8080/"],
  ["http://[::]:8080", "curl -I 'http://[::1]:8080/'"],
  ["http://[fe80::1%eth0]:8080", "curl -I 'http://[fe80::1%eth0]:8080/'"],
  ["unix:/run/a b.sock", "curl -I --unix-socket '/run/a b.sock' http://localhost/"],
  ["unix:/run/it's", String.raw`curl -I --unix-socket '/run/it'\''s' http://localhost/`],
];
for (const [listen, command] of TRIES) {
  test(`the line to try for ${listen} works from this machine`, () =>
    assert.equal(toTry(listen), command));
}

test("the line to try has a PROXY protocol header only where the listener requires it", () => {
  const url = "http://0.0.0.0:8080";
  const required = "curl -I --haproxy-protocol http://127.0.0.1:8080/";
  assert.equal(toTry(url, { proxyProtocol: true }), required);
  assert.equal(toTry(url, { proxyProtocol: "optional" }), "curl -I http://127.0.0.1:8080/");
});

/** A listener with TLS. */
interface Listener {
  /** The names of its certificate. */
  readonly names: string;
  readonly address?: string;
  /** Further keys of the listener, and of its `tls`. */
  readonly keys?: string;
  readonly tlsKeys?: string;
}

/** Starts headgate with files in a folder whose path needs quotes, and runs the printed command there as it is. */
async function tryPrinted(
  t: TestContext,
  { names, address = "127.0.0.1:0", keys = "", tlsKeys = "" }: Listener,
) {
  const origin = await startOrigin(t, getOnly(text("hello")));
  const authority = createAuthority(t);
  const { cert, key } = authority.issue({ names });
  const client = authority.issue({ names: "DNS:client" });
  const folder = join(await makeDirectory(t, {}), "it's here");
  await mkdir(folder);
  const listen = JSON.stringify(address.replace("FOLDER", folder));
  const files = {
    "f.yaml": `upstream: ${origin.url}
admin: off
listen: { address: ${listen}, tls: { cert: tls.crt, key: tls.key${tlsKeys} }${keys} }
`,
    "tls.crt": cert,
    "tls.key": key,
    "ca.crt": authority.cert,
    "client.crt": client.cert,
    "client.key": client.key,
  };
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  const headgate = startProcess(t, ["run", "--config", join(folder, "f.yaml")]);
  const [line] = await headgate.printed(/^\{.*"listening on .*\}$/m);
  const [, command = ""] = /; try: (.*)$/.exec(JSON.parse(line).msg) ?? [];
  const { stdout } = await promisify(execFile)("sh", ["-c", command], { cwd: folder });
  return { command, stdout, folder };
}

for (const [what, listener, expected] of [
  [
    "a name that is none of this machine",
    { names: "DNS:app.example.com" },
    /--connect-to ::127\.0\.0\.1:(\d+) https:\/\/app\.example\.com:\1\/$/,
  ],
  ["a wildcard", { names: "DNS:*.example.com" }, / https:\/\/www\.example\.com:\d+\/$/],
  ["localhost", { names: "DNS:app,DNS:localhost" }, /tls\.crt' https:\/\/localhost:\d+\/$/],
  ["the address", { names: "DNS:app,IP:127.0.0.1" }, /tls\.crt' https:\/\/127\.0\.0\.1:\d+\/$/],
  [
    "an IPv6 address",
    { names: "IP:2001:db8::1", address: "[::1]:0" },
    /--connect-to '::\[::1\]:\d+' 'https:\/\/\[2001:db8:0*:0*:0*:0*:0*:1\]:\d+\/'$/,
  ],
  [
    "localhost, on a Unix socket",
    { names: "DNS:localhost", address: "unix:FOLDER/s" },
    /--unix-socket '.*it'\\''s here\/s' https:\/\/localhost\/$/,
  ],
  ["a name, on a Unix socket", { names: "DNS:app", address: "unix:FOLDER/s" }, / https:\/\/app\/$/],
  [
    "a name, with client certificates, HTTP/2 and the PROXY protocol",
    { names: "DNS:app", keys: ", http2: true, proxyProtocol: true", tlsKeys: ", clientCA: ca.crt" },
    /--cert client\.crt --key client\.key --haproxy-protocol --connect-to /,
  ],
] as const satisfies readonly (readonly [string, Listener, RegExp])[]) {
  test(`with TLS for ${what}, the line to try works as printed and verifies`, async (t) => {
    const { command, stdout, folder } = await tryPrinted(t, listener);
    assert.match(command, expected);
    const cacert = `--cacert '${folder.replace("'", String.raw`'\''`)}/tls.crt'`;
    assert.ok(command.includes(cacert), command);
    assert.doesNotMatch(command, / -\w*k\w* |insecure/);
    assert.match(stdout, /^HTTP\/\S+ 200/);
  });
}
