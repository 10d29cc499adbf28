/** Certificates that change while headgate runs, as cert-manager and Kubernetes replace them. */

import assert from "node:assert/strict";
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import type { ConnectionOptions } from "node:tls";

import { type Authority, type Issued, createAuthority } from "../support/authority.ts";
import { startOrigin } from "../support/origin.ts";
import { type Running, startProcess, startRun } from "../support/process.ts";
import { toRequest } from "../support/request.ts";
import { text } from "../support/responses.ts";
import { makeDirectory } from "../support/route-file.ts";
import { type Wire, openTlsWire } from "../support/wire.ts";

/** A Secret as kubelet mounts it: the files are links to `..data/NAME`, and `..data` is a link to the folder of one version. */
function mount(folder: string): (files: Readonly<Record<string, string>>) => void {
  let version = 0;
  return (files) => {
    version += 1;
    const name = `..v${version}`;
    mkdirSync(join(folder, name));
    for (const [file, content] of Object.entries(files)) {
      writeFileSync(join(folder, name, file), content);
      if (version === 1) symlinkSync(join("..data", file), join(folder, file));
    }
    symlinkSync(name, join(folder, "..data_tmp"));
    renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
    if (version > 1) rmSync(join(folder, `..v${version - 1}`), { recursive: true });
  };
}

function toSecret({ cert, key }: Issued): Readonly<Record<string, string>> {
  return { "tls.crt": cert, "tls.key": key };
}

interface Stage {
  readonly authority: Authority;
  readonly headgate: Running;
  readonly file: string;
  replace(issued: Issued): void;
  replaceFiles(files: Readonly<Record<string, string>>): void;
  yaml(more: string): string;
}

async function start(t: TestContext, more = ""): Promise<Stage> {
  const authority = createAuthority(t);
  const origin = await startOrigin(t, text("x"));
  const folder = await makeDirectory(t, { "ca.crt": authority.cert });
  mkdirSync(join(folder, "tls"));
  const replaceFiles = mount(join(folder, "tls"));
  replaceFiles(toSecret(authority.issue({ names: "DNS:a.test" })));
  const yaml = (further: string): string =>
    `upstream: ${origin.url}\nlisten: { address: "127.0.0.1:0", tls: { cert: tls/tls.crt, key: tls/tls.key${further} } }\n`;
  const file = join(folder, "routes.yaml");
  writeFileSync(file, yaml(more));
  const headgate = await startRun(t, ["--config", file]);
  return {
    authority,
    headgate,
    file,
    replace: (issued) => replaceFiles(toSecret(issued)),
    replaceFiles,
    yaml,
  };
}

function namesOf(wire: Awaited<ReturnType<typeof openTlsWire>>): string | undefined {
  return wire.socket.getPeerX509Certificate()?.subjectAltName;
}

async function get(wire: Wire): Promise<number> {
  wire.write(toRequest("GET /x"));
  return (await wire.readResponse()).status;
}

test("a replaced certificate serves the next connections, and no connection ends for it", async (t) => {
  const { authority, headgate, replace } = await start(t);
  const kept = await openTlsWire(t, headgate.port, { ca: authority.cert });
  assert.equal(await get(kept), 200);
  replace(authority.issue({ names: "DNS:a.test,DNS:new.test" }));
  await headgate.printed(/"trigger":"file".*"msg":"reloaded /);
  const next = await openTlsWire(t, headgate.port, { ca: authority.cert });
  assert.equal(namesOf(next), "DNS:a.test, DNS:new.test");
  assert.equal(await get(next), 200);
  assert.equal(await get(kept), 200);
  const status = await fetch(`http://127.0.0.1:${headgate.adminPort}/status.json`);
  const { configuration } = (await status.json()) as {
    configuration: { certificates: readonly { names: readonly string[] }[] };
  };
  assert.deepEqual(configuration.certificates[0]?.names, ["a.test", "new.test"]);
});

test("a pair that does not fit changes nothing but a log line and a metric", async (t) => {
  const { authority, headgate, replaceFiles } = await start(t);
  const one = authority.issue({ names: "DNS:a.test,DNS:one.test" });
  const other = authority.issue({ names: "DNS:a.test,DNS:other.test" });
  replaceFiles({ "tls.crt": one.cert, "tls.key": other.key });
  await headgate.printed(
    /"trigger":"file".*"msg":"not reloaded.*does not belong to the certificate/,
  );
  const wire = await openTlsWire(t, headgate.port, { ca: authority.cert });
  assert.equal(namesOf(wire), "DNS:a.test");
  assert.equal(await get(wire), 200);
  const metrics = await (await fetch(`http://127.0.0.1:${headgate.adminPort}/metrics`)).text();
  assert.match(metrics, /^headgate_config_last_reload_successful 0$/m);
  assert.match(
    metrics,
    /^headgate_tls_certificate_not_after_seconds\{[^}]*name="a.test"\} 1\d{9}$/m,
  );
});

test("an expired certificate is refused by check, and is a warning for a process that starts or reloads", async (t) => {
  const { authority, headgate, replace, file } = await start(t);
  replace(authority.issue({ names: "DNS:a.test", days: -1 }));
  await headgate.printed(/"level":"warn".*the certificate has expired/);
  await headgate.printed(/"msg":"reloaded /);
  const wire = await openTlsWire(t, headgate.port, { rejectUnauthorized: false });
  assert.equal(await get(wire), 200);
  const check = startProcess(t, ["check", file]);
  assert.equal((await check.exited).code, 1);
  assert.match(
    check.stderr(),
    /:2:\d+ listen\.tls\.cert: the certificate has expired: it was valid until /,
  );
  replace(authority.issue({ names: "" }));
  await headgate.printed(/"level":"warn".*no subjectAltName/);
});

/** Connects with the session of an earlier connection; returns whether the server resumed it. */
async function resumes(t: TestContext, port: number, options: ConnectionOptions) {
  const wire = await openTlsWire(t, port, options);
  assert.equal(await get(wire), 200);
  return wire.socket.isSessionReused();
}

async function takeSession(t: TestContext, port: number, options: ConnectionOptions) {
  const wire = await openTlsWire(t, port, options);
  assert.equal(await get(wire), 200); // with TLS 1.3, the ticket comes before the response
  return wire.socket.getSession() ?? assert.fail("no session");
}

for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
  test(`a session ticket of ${maxVersion} outlives a reload, unless clients are verified in another way`, async (t) => {
    const { authority, headgate, replace, file, yaml } = await start(t, ", clientCA: ca.crt");
    const client = authority.issue({ names: "DNS:app.test" });
    const own = { ca: authority.cert, maxVersion, cert: client.cert, key: client.key };
    const { port } = headgate;
    const session = await takeSession(t, port, own);
    assert.equal(await resumes(t, port, { ...own, session }), true);
    replace(authority.issue({ names: "DNS:a.test,DNS:new.test" }));
    await headgate.printed(/"msg":"reloaded /);
    assert.equal(await resumes(t, port, { ...own, session }), true);
    writeFileSync(file, yaml(", clientCA: ca.crt, clientAuth: request"));
    await headgate.printed(/"msg":"reloaded [^]*"msg":"reloaded /);
    assert.equal(await resumes(t, port, { ...own, session }), false);
  });
}

test("TLS begins and ends at a reload where the route file says so", async (t) => {
  const { headgate, file, yaml } = await start(t);
  writeFileSync(file, yaml("").replace(/, tls: \{.*?\}/, ""));
  await headgate.printed(/"msg":"reloaded /);
  assert.equal((await fetch(`http://127.0.0.1:${headgate.port}/x`)).status, 200);
});
