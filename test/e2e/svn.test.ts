// Subversion's client and apache's mod_dav_svn with Digest, whose responses cover the method: a commit of a new file checks with HEAD
// whether its path is free, and a GET instead of it is 401.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { startApache } from "../support/apache.ts";
import { createFolder, runClient, startHeadgate, testReal } from "../support/real.ts";

const NEEDS = {
  svn: "subversion",
  apache2: "apache2-bin",
  "/usr/lib/apache2/modules/mod_dav_svn.so": "libapache2-mod-svn",
};

testReal("Subversion through headgate", NEEDS, async (t) => {
  const apache = await startApache(t, {
    modules: ["authz_user", "auth_digest", "authn_file", "dav", "dav_svn"],
    prepare(folder) {
      const secret = createHash("md5").update("user:headgate:secret").digest("hex");
      writeFileSync(join(folder, "digest"), `user:headgate:${secret}\n`);
      execFileSync("svnadmin", ["create", join(folder, "repository")]);
    },
    config: (folder) => `
      <Location /digest>
        DAV svn
        SVNPath ${folder}/repository
        AuthType Digest
        AuthName headgate
        AuthDigestProvider file
        AuthUserFile ${folder}/digest
        Require valid-user
      </Location>
      <Location /old>
        DAV svn
        SVNPath ${folder}/repository
        SVNAdvertiseV2Protocol Off
      </Location>`,
  });
  const { url, statuses } = await startHeadgate(t, apache.url);
  const folder = createFolder(t);
  const options = ["--config-dir", join(folder, "settings"), "--non-interactive"];
  const login = ["--username", "user", "--password", "secret", "--no-auth-cache"];
  const svn = (command: string, ...args: readonly string[]) =>
    runClient(["svn", command, ...options, ...args], { cwd: folder });

  await t.test(
    "a commit of a new file over Digest checks with HEAD whether the path is free",
    async () => {
      await svn("checkout", ...login, `${url}/digest`, "first");
      writeFileSync(join(folder, "first", "new.txt"), "new");
      await svn("add", "first/new.txt");
      await svn("commit", ...login, "-m", "new", "first");
      assert.equal(await svn("cat", ...login, `${url}/digest/new.txt`), "new");
      const [first] = await statuses("HEAD", "/digest/new.txt", 1);
      assert.equal(first, 404);
    },
  );

  await t.test("the methods of the protocol before 1.7", async () => {
    await svn("checkout", `${url}/old`, "second");
    mkdirSync(join(folder, "second", "folder"));
    writeFileSync(join(folder, "second", "folder", "new.txt"), "new");
    await svn("add", "second/folder");
    await svn("commit", "-m", "folder", "second");
    await svn("copy", "-m", "copy", `${url}/old/folder`, `${url}/old/copy`);
    await svn("move", "-m", "move", `${url}/old/copy`, `${url}/old/moved`);
    await svn("delete", "-m", "delete", `${url}/old/folder`);
    assert.equal(await svn("list", `${url}/old`), "moved/\nnew.txt\n");
    assert.equal((await statuses("CHECKOUT", /^\/old\/!svn\//, 1))[0], 201);
  });
});
