import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { appendFile, mkdir, open, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { digestFile } from "../../src/config/files.ts";
import { type WatchOptions, createFileWatcher } from "../../src/config/watch.ts";
import { UNREADABLE, makePipe, openCount } from "../support/pipe.ts";
import { makeDirectory } from "../support/route-file.ts";

/** Long enough for a busy machine; a passing test never waits that long. */
const LONG = 15_000;
const BY_EVENT: WatchOptions = { debounceMs: 50, pollMs: 60_000 };
const BY_POLL: WatchOptions = { debounceMs: 5, pollMs: 20 };

async function watchFiles(t: TestContext, paths: readonly string[], options: WatchOptions) {
  const news = new EventEmitter();
  let changes = 0;
  const watch = createFileWatcher(options, () => {
    changes += 1;
    news.emit("change");
  });
  t.after(() => watch.stop());
  const digest = async () =>
    new Map(await Promise.all(paths.map(async (path) => [path, await digestFile(path)] as const)));
  watch.watch(await digest());
  return {
    watch,
    changes: () => changes,
    /** Does something and waits for the change that it makes. */
    async after(act: () => Promise<unknown>): Promise<void> {
      // The watch does not keep the process alive, so the test does.
      const late = setTimeout(() => news.emit("error", new Error("no change was seen")), LONG);
      await Promise.all([once(news, "change"), act()]).finally(() => clearTimeout(late));
    },
    digest,
  };
}

test("a file that is written in several steps is one change", async (t) => {
  const directory = await makeDirectory(t, { a: "old" });
  const path = join(directory, "a");
  const { after, changes } = await watchFiles(t, [path], { ...BY_EVENT, debounceMs: 150 });
  await after(async () => {
    await writeFile(path, "");
    for (let step = 0; step < 20; step += 1) await appendFile(path, `${step}\n`);
  });
  await after(() => writeFile(path, "next"));
  assert.equal(changes(), 2);
});

test("a file that is replaced by a rename is a change, again and again", async (t) => {
  const directory = await makeDirectory(t, { a: "0" });
  const path = join(directory, "a");
  const { after, changes } = await watchFiles(t, [path], BY_EVENT);
  for (const text of ["1", "2", "3"]) {
    await after(async () => {
      await writeFile(`${path}.tmp`, text);
      await rename(`${path}.tmp`, path);
    });
  }
  assert.equal(changes(), 3);
});

test("a file that disappears is a change, and another one when it is back", async (t) => {
  const directory = await makeDirectory(t, { a: "0" });
  const path = join(directory, "a");
  const { after } = await watchFiles(t, [path], BY_EVENT);
  await after(() => rm(path));
  await after(() => writeFile(path, "0"));
});

test("only content counts: the same bytes with another time, inode or mode are no change", async (t) => {
  const directory = await makeDirectory(t, { a: "same" });
  const path = join(directory, "a");
  const { after, changes } = await watchFiles(t, [path], BY_EVENT);
  await utimes(path, 1, 1);
  await writeFile(`${path}.tmp`, "same");
  await rename(`${path}.tmp`, path);
  await after(() => writeFile(path, "other"));
  assert.equal(changes(), 1);
});

test("a write between the reading and the start of the watch is a change", async (t) => {
  const directory = await makeDirectory(t, { a: "0" });
  const path = join(directory, "a");
  const { watch, digest, after } = await watchFiles(t, [path], BY_EVENT);
  const read = await digest();
  watch.watch(new Map());
  await writeFile(path, "1");
  await after(async () => watch.watch(read));
});

test("a busy neighbour in the directory hides no change", async (t) => {
  const directory = await makeDirectory(t, { a: "0" });
  const path = join(directory, "a");
  const { after } = await watchFiles(t, [path], BY_EVENT);
  let isBusy = true;
  t.after(() => void (isBusy = false));
  const neighbour = (async () => {
    while (isBusy) await writeFile(join(directory, "b"), "");
  })();
  await after(() => writeFile(path, "1"));
  isBusy = false;
  await neighbour;
});

test("a change of any of several files counts, in any directory", async (t) => {
  const [one, two] = [await makeDirectory(t, { a: "0" }), await makeDirectory(t, { b: "0" })];
  const paths = [join(one, "a"), join(two, "b")];
  const { after, changes } = await watchFiles(t, paths, BY_EVENT);
  for (const path of paths) await after(() => writeFile(path, "1"));
  assert.equal(changes(), 2);
});

test("the watch follows a directory that is replaced", async (t) => {
  const parent = await makeDirectory(t, {});
  const directory = join(parent, "etc");
  await mkdir(directory);
  await writeFile(join(directory, "a"), "0");
  const path = join(directory, "a");
  const { after } = await watchFiles(t, [path], BY_POLL);
  await after(async () => {
    await mkdir(`${directory}.new`);
    await writeFile(join(`${directory}.new`, "a"), "1");
    await rename(directory, `${directory}.old`);
    await rename(`${directory}.new`, directory);
  });
  await after(() => writeFile(path, "2"));
});

test("the poll sees a target that is edited in another directory", async (t) => {
  const [mount, elsewhere] = [await makeDirectory(t, {}), await makeDirectory(t, { a: "0" })];
  const target = join(elsewhere, "a");
  await symlink(target, join(mount, "a"));
  const { after } = await watchFiles(t, [join(mount, "a")], BY_POLL);
  for (const text of ["1", "2"]) await after(() => writeFile(target, text));
});

test("the poll does not take a half-written file for a change", async (t) => {
  const [mount, elsewhere] = [await makeDirectory(t, {}), await makeDirectory(t, { a: "0" })];
  const target = join(elsewhere, "a");
  await symlink(target, join(mount, "a"));
  const { after, changes } = await watchFiles(t, [join(mount, "a")], {
    debounceMs: 150,
    pollMs: 10,
  });
  await after(async () => {
    for (let step = 0; step < 60; step += 1) {
      await appendFile(target, `${step}\n`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  });
  assert.equal(changes(), 1);
});

test("no callback comes after the end, with any check in progress", async (t) => {
  const directory = await makeDirectory(t, { a: "0" });
  const path = join(directory, "a");
  const { watch, changes } = await watchFiles(t, [path], BY_POLL);
  const other = await watchFiles(t, [path], BY_EVENT);
  watch.stop();
  await other.after(() => writeFile(path, "1"));
  assert.equal(changes(), 0);
});

/**
 * Symptom: a watched file that was replaced by a pipe, or whose mount hung, took one of Node's four threads at each poll; after four of
 * them no name was looked up any more. Root cause: a check began although the last one was still running, and each opened the file in a way
 * that waits for a writer. Fix: one check at a time, and opening the file does not wait.
 */
test("a file whose read never ends is opened once, with any number of polls", async (t) => {
  const directory = await makeDirectory(t, { a: "0" });
  const path = join(directory, "a");
  const { after, watch } = await watchFiles(t, [path], BY_POLL);
  await rm(path);
  makePipe(path);
  const writer = await open(path, "r+");
  t.after(() => writer.close());
  const polls = new EventEmitter();
  let max = 0;
  let count = 0;
  const counting = setInterval(() => {
    max = Math.max(max, openCount(path));
    if ((count += 1) >= 20 && max > 1) polls.emit("enough");
  }, BY_POLL.pollMs);
  await once(polls, "enough");
  clearInterval(counting);
  assert.equal(max, 2, "the writer and one reader");
  await after(async () => {
    await rm(path);
    await writeFile(path, "1");
    await writer.write("2");
    watch.watch(new Map([[path, ""]]));
  });
});

test("a pipe without a writer is a change like any other", async (t) => {
  const directory = await makeDirectory(t, { a: "0" });
  const path = join(directory, "a");
  const { after } = await watchFiles(t, [path], BY_EVENT);
  await after(async () => {
    await rm(path);
    makePipe(path);
  });
  await after(async () => {
    await rm(path);
    await writeFile(path, "0");
  });
});

/**
 * Symptom: at the limit of file descriptors, or on a disk that failed for a moment, every watched file counted as changed, and once more
 * when it could be read again. Root cause: the reason why a file could not be read was compared as if it were its content.
 * Fix: only a reason that concerns the file itself counts.
 */
test("a read error that does not concern the file itself is no change; the content read afterwards is compared", async (t) => {
  const directory = await makeDirectory(t, { a: "0", b: "0" });
  const [a, b] = [join(directory, "a"), join(directory, "b")];
  const { after, changes } = await watchFiles(t, [a], BY_EVENT);
  // A watch on another file of the directory gets the same events: after its second check, this one has had the time for its own.
  const other = await watchFiles(t, [b], BY_EVENT);
  await rename(a, `${a}.kept`);
  await symlink(UNREADABLE, a);
  await other.after(() => writeFile(b, "1"));
  await rename(`${a}.kept`, a);
  await other.after(() => writeFile(b, "2"));
  await after(() => writeFile(a, "1"));
  assert.equal(changes(), 1);
});

test("a file that could not be read when it was needed is a change as soon as it can be read", async (t) => {
  const directory = await makeDirectory(t, { b: "0" });
  const [a, b] = [join(directory, "a"), join(directory, "b")];
  await symlink(UNREADABLE, a);
  const { after, changes } = await watchFiles(t, [a, b], BY_EVENT);
  await after(() => writeFile(b, "1"));
  assert.equal(changes(), 1, "it still cannot");
  await after(async () => {
    await writeFile(`${a}.tmp`, "");
    await rename(`${a}.tmp`, a);
  });
});
