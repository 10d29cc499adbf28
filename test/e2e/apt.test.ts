// apt: an index and a package from a repository that the test makes, with the conditional requests and ranges of an update.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  mkdirSync,
  readFileSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import { startNginx } from "../support/nginx.ts";
import { createFolder, runClient, startHeadgate, testReal } from "../support/real.ts";

const NEEDS = { "apt-get": "apt", "dpkg-deb": "dpkg", nginx: "nginx" };

testReal("apt through headgate", NEEDS, async (t) => {
  const nginx = await startNginx(t);
  await createRepository(createFolder(t), nginx.root);
  const { url, statuses } = await startHeadgate(t, nginx.url);
  const folder = createFolder(t);
  for (const name of ["lists/partial", "archives/partial", "etc", "state"])
    mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, "sources.list"), `deb [trusted=yes] ${url} ./\n`);
  writeFileSync(join(folder, "status"), "");
  const settings = {
    "Dir::Etc": join(folder, "etc"),
    "Dir::Etc::sourcelist": join(folder, "sources.list"),
    "Dir::State": join(folder, "state"),
    "Dir::State::lists": join(folder, "lists"),
    "Dir::State::status": join(folder, "status"),
    "Dir::Cache": folder,
    "Dir::Cache::archives": join(folder, "archives"),
    "APT::Architecture": "amd64",
    "APT::Sandbox::User": "",
    "Acquire::Languages": "none",
    "Acquire::http::Proxy": "false",
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  const apt = (...args: readonly string[]) =>
    runClient(["apt-get", ...options, ...args], { cwd: folder, env: { APT_CONFIG: "/dev/null" } });
  const path = "/hello_1_all.deb";

  await t.test("apt-get update reads the index, and the second time gets 304", async () => {
    await apt("update");
    assert.match(await apt("update"), /^Hit:/m);
    assert.deepEqual(await statuses("GET", "/./InRelease", 2), [404, 404]);
    assert.deepEqual(await statuses("GET", "/./Release", 2), [200, 304]);
  });

  await t.test("apt-get download fetches a package", async () => {
    await apt("download", "hello");
    assert.ok(
      readFileSync(join(folder, "hello_1_all.deb")).equals(readFileSync(nginx.root + path)),
    );
  });

  await t.test("an interrupted download continues at its offset", async () => {
    const partial = join(folder, "archives", "partial", "hello_1_all.deb");
    writeFileSync(partial, readFileSync(nginx.root + path));
    truncateSync(partial, 1000);
    const { mtime } = statSync(nginx.root + path);
    utimesSync(partial, mtime, mtime); // apt's If-Range
    await apt("install", "-y", "--download-only", "hello");
    assert.ok(
      readFileSync(join(folder, "archives", "hello_1_all.deb")).equals(
        readFileSync(nginx.root + path),
      ),
    );
    assert.equal((await statuses("GET", `/.${path}`, 2)).at(-1), 206);
  });
});

/** Writes a repository of one package and no signature. */
async function createRepository(work: string, root: string): Promise<void> {
  mkdirSync(join(work, "hello", "DEBIAN"), { recursive: true });
  const control = [
    "Package: hello",
    "Version: 1",
    "Architecture: all",
    "Maintainer: a <a@example.org>",
  ];
  const text = `${control.join("\n")}\nDescription: a package\n`;
  writeFileSync(join(work, "hello", "DEBIAN", "control"), text);
  writeFileSync(join(work, "hello", "content"), Array.from({ length: 5000 }, Math.random).join());
  const file = join(root, "hello_1_all.deb");
  await runClient(["dpkg-deb", "--build", "--root-owner-group", join(work, "hello"), file]);
  const sha256 = (content: Buffer | string) => createHash("sha256").update(content).digest("hex");
  const content = readFileSync(file);
  const place = [
    "Filename: ./hello_1_all.deb",
    `Size: ${content.length}`,
    `SHA256: ${sha256(content)}`,
  ];
  const index = `${text}${place.join("\n")}\n`;
  writeFileSync(join(root, "Packages"), index);
  const sums = `SHA256:\n ${sha256(index)} ${index.length} Packages\n`;
  writeFileSync(join(root, "Release"), `Date: Thu, 01 Jan 2026 00:00:00 UTC\nSuite: test\n${sums}`);
}
