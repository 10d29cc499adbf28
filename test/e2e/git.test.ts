// git's smart HTTP protocol: git http-backend in apache, and a git client that clones, pushes and fetches through headgate.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { startApache } from "../support/apache.ts";
import { createFolder, runClient, startHeadgate, testReal } from "../support/real.ts";

const NEEDS = { git: "git", apache2: "apache2-bin" };

// Ignores the settings of the machine and the user, and sets names for the commits.
const env = {
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_AUTHOR_NAME: "a",
  GIT_AUTHOR_EMAIL: "a@example.org",
  GIT_COMMITTER_NAME: "a",
  GIT_COMMITTER_EMAIL: "a@example.org",
  GIT_TERMINAL_PROMPT: "0",
};

testReal("git through headgate", NEEDS, async (t) => {
  const apache = await startApache(t, {
    modules: ["cgid"],
    prepare(folder) {
      mkdirSync(join(folder, "git"));
      const bare = join(folder, "git", "project.git");
      execFileSync("git", ["init", "-q", "--bare", "-b", "main", bare], {
        env: { ...process.env, ...env },
      });
      writeFileSync(
        join(bare, "config"),
        `${readFileSync(join(bare, "config"), "utf8")}\n[http]\n\treceivepack = true\n`,
      );
    },
    config: (folder) => `
      ScriptSock ${folder}/cgid
      SetEnv GIT_PROJECT_ROOT ${folder}/git
      SetEnv GIT_HTTP_EXPORT_ALL 1
      ScriptAlias /git/ /usr/lib/git-core/git-http-backend/
      <Directory /usr/lib/git-core>
        Require all granted
        Options +ExecCGI
      </Directory>`,
  });
  const { url, statuses } = await startHeadgate(t, apache.url);
  const folder = createFolder(t);
  const remote = `${url}/git/project.git`;
  const git = (...args: readonly string[]) => runClient(["git", ...args], { env, cwd: folder });
  const content = randomBytes(400_000).toString("base64");

  await t.test("a push of more than http.postBuffer, which is chunked, arrives", async () => {
    await git("clone", "-q", remote, "first");
    writeFileSync(join(folder, "first", "big.txt"), content);
    await git("-C", "first", "add", ".");
    await git("-C", "first", "commit", "-qm", "first");
    await git("-C", "first", "-c", "http.postBuffer=65536", "push", "-q", "origin", "HEAD:main");
  });

  await t.test("a clone has the pushed commits", async () => {
    await git("clone", "-q", remote, "second");
    assert.equal(readFileSync(join(folder, "second", "big.txt"), "utf8"), content);
  });

  await t.test(
    "a fetch with more than a kilobyte of haves, which git compresses, works",
    async () => {
      for (let number = 1; number <= 25; number += 1)
        await git("-C", "second", "commit", "-q", "--allow-empty", "-m", `own ${number}`);
      await git("-C", "first", "commit", "-q", "--allow-empty", "-m", "theirs");
      await git("-C", "first", "push", "-q", "origin", "HEAD:main");
      await git("-C", "second", "fetch", "-q");
      assert.match(await git("-C", "second", "log", "-1", "--format=%s", "origin/main"), /^theirs/);
    },
  );

  await t.test("a shallow clone has one commit", async () => {
    await git("clone", "-q", "--depth=1", remote, "shallow");
    assert.equal(await git("-C", "shallow", "rev-list", "--count", "HEAD"), "1\n");
  });

  const posts = await statuses("POST", "/git/project.git/git-receive-pack", 3);
  assert.deepEqual(posts, [200, 200, 200]); // the first is the probe before the chunked one
});
