/**
 * Symptom: a route file or a certificate that was a pipe without a writer hung the process. Root cause: opening such a pipe waits for a
 * writer. Fix: headgate opens it without waiting, and reads again if no bytes are there yet.
 */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmod,
  link,
  lstat,
  open,
  readFile,
  readdir,
  stat,
  symlink,
  truncate,
} from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import { digestFile, readSystemFile, readTextFile, replaceFile } from "../../src/config/files.ts";
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

/**
 * Symptom: a reader of a file that `init --force` wrote could see a part of it; `inject` on a file with two names (hard links) changed only one of them;
 * a file that was mounted, or whose folder may not be written, could not be changed. Root cause: init wrote into the file, and inject always
 * renamed over it. Fix: both rename where that keeps what the file is, and write into it otherwise.
 */
test("a file is replaced atomically, with its mode, through links", async (t) => {
  const directory = await makeDirectory(t, { "a.yaml": "old" });
  const path = join(directory, "a.yaml");
  await chmod(path, 0o640);
  await symlink("a.yaml", join(directory, "link"));
  const reader = await open(path);
  t.after(() => reader.close());
  assert.equal(await replaceFile(join(directory, "link"), "new"), undefined);
  assert.equal((await reader.readFile()).toString(), "old", "an open file keeps its content");
  assert.equal(await readFile(path, "utf8"), "new");
  assert.equal((await lstat(path)).mode & 0o777, 0o640);
  assert.ok((await lstat(join(directory, "link"))).isSymbolicLink());
  assert.deepEqual((await readdir(directory)).toSorted(), ["a.yaml", "link"]);
});

test("a file with a second name keeps it", async (t) => {
  const directory = await makeDirectory(t, { a: "the old and longer text" });
  await link(join(directory, "a"), join(directory, "b"));
  assert.equal(await replaceFile(join(directory, "a"), "new"), undefined);
  for (const name of ["a", "b"]) assert.equal(await readFile(join(directory, name), "utf8"), "new");
});

test("a link to no file, and a device, are written to", async (t) => {
  const directory = await makeDirectory(t, {});
  await symlink("target", join(directory, "link"));
  assert.equal(await replaceFile(join(directory, "link"), "new"), undefined);
  assert.equal(await readFile(join(directory, "target"), "utf8"), "new");
  await symlink("/dev/null", join(directory, "null"));
  assert.equal(await replaceFile(join(directory, "null"), "new"), undefined);
  assert.ok((await stat("/dev/null")).isCharacterDevice());
});
