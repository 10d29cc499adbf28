/**
 * Symptom: a route file or a certificate that was a pipe without a writer hung the process. Root cause: opening such a pipe waits for a
 * writer. Fix: headgate opens it without waiting, and reads again if no bytes are there yet.
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { open, symlink, truncate } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { digestFile, readSystemFile, readTextFile } from "../../src/config/files.ts";
import { UNREADABLE, makePipe, openCount } from "../support/pipe.ts";
import { makeDirectory } from "../support/route-file.ts";

const BUNDLE = fileURLToPath(new URL("../../dist/headgate.cjs", import.meta.url));

test("a pipe without a writer is refused at once", async (t) => {
  const path = join(await makeDirectory(t, {}), "pipe");
  makePipe(path);
  assert.deepEqual(await readTextFile(path), {
    reason: "is a pipe without a writer",
    isOfFile: true,
  });
});

test("a pipe with a late writer is read to its end", async (t) => {
  const path = join(await makeDirectory(t, {}), "pipe");
  makePipe(path);
  const writer = await open(path, "r+");
  const reading = readTextFile(path);
  while (openCount(path) < 2) await new Promise(setImmediate);
  await writer.write("a".repeat(20_000));
  await writer.write("b");
  await writer.close();
  const read = await reading;
  assert.ok("text" in read, JSON.stringify(read));
  assert.equal(read.text, `${"a".repeat(20_000)}b`);
});

test("check reads standard input by its path", async (t) => {
  const cwd = await makeDirectory(t, { "f.yaml": "upstream: http://app\n" });
  const command = `cat f.yaml | '${process.execPath}' '${BUNDLE}' check /dev/stdin`;
  const { status, stdout, stderr } = spawnSync("sh", ["-c", command], { cwd, encoding: "utf8" });
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^\/dev\/stdin is valid\n/);
});

test("a path that is no file is refused in words", async (t) => {
  const directory = await makeDirectory(t, {});
  const path = join(directory, "socket");
  const server = createServer().listen(path);
  t.after(() => void server.close());
  await once(server, "listening");
  await symlink("loop", join(directory, "loop"));
  for (const [name, reason] of [
    [path, "is no file"],
    [directory, "is a directory"],
    ["/dev/zero", "is larger than 1 MiB"],
    [join(directory, "loop"), "is a symbolic link that leads to itself"],
  ] as const)
    assert.deepEqual(await readTextFile(name), { reason, isOfFile: true });
});

test("an error that does not concern the file has its own kind", async (t) => {
  const path = join(await makeDirectory(t, {}), "a");
  await symlink(UNREADABLE, path);
  assert.deepEqual(await readTextFile(path), { reason: "cannot be read (EIO)", isOfFile: false });
  assert.equal(await digestFile(path), undefined);
});

test("a file of the system is read byte for byte, and a missing one is empty", async (t) => {
  const directory = await makeDirectory(t, { hosts: "::1 caf\u00e9\n", large: "" });
  assert.equal(readSystemFile(join(directory, "hosts")), "::1 caf\u00c3\u00a9\n");
  const pipe = join(directory, "pipe");
  makePipe(pipe);
  await truncate(join(directory, "large"), 1024 * 1024 + 1);
  for (const path of [
    pipe,
    directory,
    join(directory, "large"),
    join(directory, "missing"),
    "/dev/zero",
  ])
    assert.equal(readSystemFile(path), "", path);
});
