// WebDAV on apache's mod_dav: litmus, a test suite for servers, cadaver and rclone.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { startApache } from "../support/apache.ts";
import { createFolder, runAny, runClient, startHeadgate, testReal } from "../support/real.ts";

const NEEDS = {
  apache2: "apache2-bin",
  litmus: "litmus",
  cadaver: "cadaver",
  rclone: "rclone",
  svnadmin: "subversion",
  "/usr/lib/apache2/modules/mod_dav_svn.so": "libapache2-mod-svn",
};

testReal("WebDAV through headgate", NEEDS, async (t) => {
  const apache = await startApache(t, {
    modules: ["dav", "dav_fs", "dav_svn"],
    prepare(folder) {
      for (const name of ["files", "locks"]) mkdirSync(join(folder, name));
      execFileSync("svnadmin", ["create", join(folder, "repository")]);
    },
    config: (folder) => `
      DavLockDB ${folder}/locks/database
      Alias /files ${folder}/files
      <Location /files>
        Dav On
      </Location>
      <Location /versions>
        DAV svn
        SVNPath ${folder}/repository
        SVNAutoversioning On
      </Location>`,
  });
  const { url, statuses } = await startHeadgate(t, apache.url);
  const folder = createFolder(t);
  const env = { HOME: folder };

  await t.test("litmus passes", async () => {
    const { code, stdout } = await runAny(["litmus", "-k", `${url}/files/`], { cwd: folder, env });
    assert.equal(code, 0, stdout);
    const summaries = stdout.match(/\d+ passed, \d+ failed/g) ?? [];
    assert.deepEqual(
      summaries.map((text) => text.replace(/^\d+ passed, /, "")),
      Array.from({ length: 5 }, () => "0 failed"),
    );
  });

  await t.test("rclone writes, lists, moves and reads", async () => {
    const rclone = (...args: readonly string[]) =>
      runClient(["rclone", "--config=/dev/null", `--webdav-url=${url}/files`, ...args], { env });
    mkdirSync(join(folder, "source"));
    for (const name of ["a.txt", "b #?.txt"]) writeFileSync(join(folder, "source", name), name);
    await rclone("copy", join(folder, "source"), ":webdav:target");
    await rclone("moveto", ":webdav:target/a.txt", ":webdav:target/c.txt");
    assert.equal(await rclone("lsf", ":webdav:target"), "b #?.txt\nc.txt\n");
    await rclone("copy", ":webdav:target", join(folder, "copy"));
    assert.equal(readFileSync(join(folder, "copy", "b #?.txt"), "utf8"), "b #?.txt");
  });

  await t.test(
    "cadaver puts a file under version control with a method that Node does not know",
    async () => {
      writeFileSync(join(folder, "versioned.txt"), "versioned");
      const input = `put ${join(folder, "versioned.txt")} versioned.txt\nversion versioned.txt\n`;
      const { stdout } = await runAny(["cadaver", `${url}/versions/`], { env, input });
      assert.match(stdout, /Versioning .*: succeeded/);
      assert.deepEqual(await statuses("VERSION-CONTROL", "/versions/versioned.txt/", 1), [200]);
    },
  );
});
