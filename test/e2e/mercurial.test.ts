// Mercurial lists the heads that it has and wants in the fields of a request: hundreds of heads take tens of kilobytes.

import assert from "node:assert/strict";
import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import {
  createFolder,
  findAddress,
  runClient,
  startBackend,
  startHeadgate,
  testReal,
} from "../support/real.ts";

testReal("hg through headgate", { hg: "mercurial" }, async (t) => {
  const folder = createFolder(t);
  const env = { HGRCPATH: "/dev/null", HGPLAIN: "1", HGUSER: "a" };
  const hg = (...args: readonly [string, ...string[]]) =>
    runClient(["hg", ...args], { cwd: folder, env });
  const countHeads = async (name: string) => (await hg("-R", name, "heads", "-T", "x")).length;

  await hg("init", "origin");
  // One root, and 500 children of it.
  await hg("-R", "origin", "debugbuilddag", `+1:root${" <root +1".repeat(500)}`);
  const place = await findAddress();
  const serve = ["hg", "serve", "-R", join(folder, "origin"), "-a", place.host] as const;
  const allowPush = ["--config", "web.allow_push=*", "--config", "web.push_ssl=false"];
  await startBackend(t, {
    command: [...serve, "-p", String(place.port), ...allowPush],
    address: place,
    env,
  });
  const { url } = await startHeadgate(t, place.url);

  await t.test("a clone of 500 heads", async () => {
    await hg("clone", "-q", "-U", url, "clone");
    assert.equal(await countHeads("clone"), 500);
  });

  await t.test("a push of a head", async () => {
    cpSync(join(folder, "clone"), join(folder, "second"), { recursive: true });
    await hg("-R", "clone", "update", "-q", "0");
    writeFileSync(join(folder, "clone", "new"), "new");
    await hg("-R", "clone", "commit", "-q", "-A", "-m", "new");
    await hg("-R", "clone", "push", "-q", "-f", url);
    assert.equal(await countHeads("origin"), 501);
  });

  await t.test(
    "a pull into a repository with 500 heads, with limits.headerBytes of 64 KiB",
    async (t2) => {
      const wide = await startHeadgate(t2, place.url, "limits: { headerBytes: 64KiB }");
      await hg("-R", "second", "pull", "-q", wide.url);
      assert.equal(await countHeads("second"), 501);
    },
  );
});
