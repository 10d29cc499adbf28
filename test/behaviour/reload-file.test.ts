import assert from "node:assert/strict";
import {
  closeSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import test from "node:test";
import { text } from "../support/responses.ts";
import { BASE, startBinary, startEdited, toEdited } from "../support/binary.ts";
import { CERTIFICATE } from "../support/certificate.ts";
import { startOrigin } from "../support/origin.ts";
import { makeDirectory } from "../support/route-file.ts";

const UPSTREAM = "upstream: http://127.0.0.1:9\n";

/** The method of a HEAD upstream shows which configuration is in use. */
async function methodOf(port: number, origin: { arrivals: readonly { method: string }[] }) {
  await fetch(`http://127.0.0.1:${port}/`, { method: "HEAD" });
  return origin.arrivals.at(-1)?.method;
}

test("SIGHUP applies a changed file", async (t) => {
  const origin = await startOrigin(t, text("x"));
  const headgate = await startEdited(t, `upstream: ${origin.url}\n`);
  assert.equal(await methodOf(headgate.port, origin), "GET");
  writeFileSync(headgate.file, `${BASE}upstream: ${origin.url}\nhead: pass\n`);
  assert.equal((await headgate.hangUp())["level"], "info");
  assert.equal(await methodOf(headgate.port, origin), "HEAD");
});

test("a file that is edited in place, in several steps, is read once it is complete", async (t) => {
  const origin = await startOrigin(t, text("x"));
  const headgate = await startEdited(t, `upstream: ${origin.url}\n`);
  const fd = openSync(headgate.file, "w");
  for (const piece of [BASE, `upstream: ${origin.url}\nhe`, "ad: pa", "ss\n"]) {
    writeSync(fd, piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  closeSync(fd);
  const line = await headgate.reloaded(0);
  assert.deepEqual([line["trigger"], line["level"]], ["file", "info"]);
  assert.equal(await methodOf(headgate.port, origin), "HEAD");
  assert.equal(await headgate.metric('headgate_config_reloads_total{result="failure"}'), 0);
});

test("a file that an editor renames over the old one is read, again and again", async (t) => {
  const origin = await startOrigin(t, text("x"));
  const headgate = await startEdited(t, `upstream: ${origin.url}\n`);
  for (const [mode, method] of [
    ["pass", "HEAD"],
    ["convert", "GET"],
    ["pass", "HEAD"],
  ]) {
    const from = headgate.lines.length;
    writeFileSync(`${headgate.file}~`, `${BASE}upstream: ${origin.url}\nhead: ${mode}\n`);
    renameSync(`${headgate.file}~`, headgate.file);
    await headgate.reloaded(from, "file");
    assert.equal(await methodOf(headgate.port, origin), method);
  }
});

test("a ConfigMap's swap by kubelet is noticed", async (t) => {
  const origin = await startOrigin(t, text("x"));
  const mount = await makeDirectory(t, {});
  // kubelet's AtomicWriter: a directory with a time as its name, `..data` leading to it, each file a link through `..data`.
  const write = (version: string, mode: string): void => {
    mkdirSync(join(mount, version));
    const yaml = `${BASE}upstream: ${origin.url}\nhead: ${mode}\n`;
    writeFileSync(join(mount, version, "routes.yaml"), yaml);
  };
  const swap = (old: string, version: string, mode: string): void => {
    write(version, mode);
    symlinkSync(version, join(mount, "..data_tmp"));
    renameSync(join(mount, "..data_tmp"), join(mount, "..data"));
    rmSync(join(mount, old), { recursive: true });
  };
  write("..2026_01_01_00_00_00.1", "convert");
  symlinkSync("..2026_01_01_00_00_00.1", join(mount, "..data"));
  symlinkSync("..data/routes.yaml", join(mount, "routes.yaml"));
  const args = ["run", "--config", join(mount, "routes.yaml")];
  const headgate = toEdited(await startBinary(t, { args }), mount);
  assert.equal(await methodOf(headgate.port, origin), "GET");

  const first = headgate.lines.length;
  swap("..2026_01_01_00_00_00.1", "..2026_01_02_00_00_00.2", "pass");
  await headgate.reloaded(first, "file");
  assert.equal(await methodOf(headgate.port, origin), "HEAD");

  const second = headgate.lines.length;
  swap("..2026_01_02_00_00_00.2", "..2026_01_03_00_00_00.3", "convert");
  await headgate.reloaded(second, "file");
  assert.equal(await methodOf(headgate.port, origin), "GET");
});

test("a file given by a relative path is watched where it was when headgate started", async (t) => {
  const cwd = await makeDirectory(t, { "routes.yaml": BASE + UPSTREAM });
  const args = ["run", "--config", "routes.yaml"];
  const headgate = toEdited(await startBinary(t, { args, cwd }), cwd);
  const line = await headgate.edit(`${UPSTREAM}head: pass\n`);
  assert.equal(line["msg"], "reloaded routes.yaml");
  const started = headgate.lines.find(({ msg }) => String(msg).startsWith("listening on "));
  assert.deepEqual([started?.["routes"], line["routes"]], [1, 1], "the default route is one");
});

test("a file that disappears is an error, and when it is back it is read", async (t) => {
  const origin = await startOrigin(t, text("x"));
  const headgate = await startEdited(t, `upstream: ${origin.url}\n`);
  rmSync(headgate.file);
  const line = await headgate.reloaded(0, "file");
  assert.equal(line["level"], "error");
  assert.match(String(line["msg"]), /routes\.yaml: does not exist/);
  assert.equal(await methodOf(headgate.port, origin), "GET");
  assert.equal((await headgate.edit(`upstream: ${origin.url}\nhead: pass\n`))["level"], "info");
  assert.equal(await methodOf(headgate.port, origin), "HEAD");
});

test("a renewed certificate is applied, and a missing one as soon as it exists", async (t) => {
  const directory = await makeDirectory(t, { "routes.yaml": BASE + UPSTREAM });
  const args = ["run", "--config", join(directory, "routes.yaml")];
  const headgate = toEdited(await startBinary(t, { args }), directory);
  const missing = await headgate.edit(
    "upstream: { url: https://127.0.0.1:9, tls: { ca: ca.pem } }\n",
  );
  assert.match(String(missing["msg"]), /tls\.ca: the file does not exist/);
  for (const pem of [CERTIFICATE, `${CERTIFICATE}\n`]) {
    const from = headgate.lines.length;
    writeFileSync(join(directory, "ca.pem"), pem);
    const line = await headgate.reloaded(from);
    assert.deepEqual([line["trigger"], line["level"]], ["file", "info"]);
  }
});

test("a broken certificate is refused, and the old configuration stays in use", async (t) => {
  const origin = await startOrigin(t, text("x"));
  const headgate = await startEdited(t, `upstream: ${origin.url}\n`);
  writeFileSync(
    join(dirname(headgate.file), "ca.pem"),
    CERTIFICATE.slice(0, CERTIFICATE.length / 2),
  );
  const line = await headgate.edit("upstream: { url: https://127.0.0.1:9, tls: { ca: ca.pem } }\n");
  assert.equal(line["level"], "error");
  assert.match(String(line["msg"]), /tls\.ca: the file's certificate cannot be read/);
  assert.equal(await methodOf(headgate.port, origin), "GET");
});

test("one change is one reload, even with a signal for it as well", async (t) => {
  const headgate = await startEdited(t, UPSTREAM);
  writeFileSync(headgate.file, `${BASE}${UPSTREAM}head: pass\n`);
  await headgate.hangUp();
  // A second change shows that headgate has checked the first.
  await headgate.edit(UPSTREAM);
  const triggers = headgate.lines.flatMap(({ trigger }) => trigger ?? []);
  assert.deepEqual(triggers, ["SIGHUP", "file"]);
});

test("SIGHUP without a route file does not end the process", async (t) => {
  const args = ["run", "--upstream", "http://127.0.0.1:9", "--listen", "127.0.0.1:0"];
  const binary = await startBinary(t, { args: [...args, "--admin", "127.0.0.1:0"] });
  binary.child.kill("SIGHUP");
  await binary.line(({ trigger }) => trigger === "SIGHUP");
  assert.equal((await fetch(`http://127.0.0.1:${binary.adminPort}/livez`)).status, 200);
});
