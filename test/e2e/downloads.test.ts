// Clients that download files from nginx: what they request with HEAD, ranges, conditions and codings.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { startNginx } from "../support/nginx.ts";
import { createFolder, runAny, runClient, startHeadgate, testReal } from "../support/real.ts";

const NEEDS = { nginx: "nginx", wget: "wget", aria2c: "aria2", curl: "curl", rclone: "rclone" };

testReal("downloads from nginx through headgate", NEEDS, async (t) => {
  const nginx = await startNginx(t, "autoindex on; gzip on; gzip_types text/plain; gzip_vary on;");
  const content = randomBytes(5_000_000);
  writeFileSync(join(nginx.root, "big.bin"), content);
  const numbers = Array.from({ length: 20_000 }, (_, number) => `${number}\n`).join("");
  writeFileSync(join(nginx.root, "numbers.txt"), numbers);
  writeFileSync(join(nginx.root, "empty.bin"), "");
  const { url, statuses } = await startHeadgate(
    t,
    nginx.url,
    "routes: [{ path: /big.bin, head: { range: probe } }]",
  );
  const folder = createFolder(t);
  const inFolder = { cwd: folder };
  const isWhole = (name: string) => content.equals(readFileSync(join(folder, name)));
  const cut = (name: string) => {
    writeFileSync(join(folder, name), content);
    truncateSync(join(folder, name), 1_234_567);
  };

  await t.test("wget --spider prints the length", async () => {
    const { code, stderr } = await runAny(["wget", "--spider", `${url}/big.bin`]);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /^Length: 5000000 /m);
  });

  await t.test("wget --continue fetches the rest", async () => {
    cut("wget.bin");
    await runClient(["wget", "-q", "-c", "-O", "wget.bin", `${url}/big.bin`], inFolder);
    assert.ok(isWhole("wget.bin"));
    assert.deepEqual(await statuses("GET", "/big.bin", 1), [206]);
  });

  await t.test("wget --timestamping fetches an unchanged file once, and gets 304", async () => {
    const command = ["wget", "-q", "-N", `${url}/numbers.txt`] as const;
    await runClient(command, inFolder);
    const { mtimeMs } = statSync(join(folder, "numbers.txt"));
    assert.equal(
      mtimeMs,
      Math.trunc(statSync(join(nginx.root, "numbers.txt")).mtimeMs / 1000) * 1000,
    );
    await runClient(command, inFolder);
    assert.deepEqual(await statuses("GET", "/numbers.txt", 2), [200, 304]);
  });

  await t.test("wget --recursive follows nginx's index", async () => {
    await runClient(["wget", "-q", "-r", "-nH", "-P", "mirror", `${url}/`], inFolder);
    assert.ok(isWhole("mirror/big.bin"));
  });

  await t.test("aria2 fetches a file in several ranges at a time", async () => {
    const options = ["-q", "-x4", "-s4", "-k1M", "--allow-overwrite=true", "-o", "aria2.bin"];
    await runClient(["aria2c", "--no-conf", ...options, `${url}/big.bin`], inFolder);
    assert.ok(isWhole("aria2.bin"));
    // One of wget's; aria2's first requests the full file, and it begins another when it knows the size.
    const ranges = (await statuses("GET", "/big.bin", 4)).filter((status) => status === 206);
    assert.ok(ranges.length >= 2, `${ranges.length} ranges`);
  });

  await t.test("aria2 sends HEAD for a file that is not to be downloaded", async () => {
    const options = ["--no-conf", "--dry-run", "--use-head=true"];
    await runClient(["aria2c", ...options, `${url}/numbers.txt`], inFolder);
    assert.deepEqual(await statuses("HEAD", "/numbers.txt", 1), [200]);
  });

  await t.test("curl --continue-at fetches the rest", async () => {
    cut("curl.bin");
    await runClient(["curl", "-sSf", "-C", "-", "-o", "curl.bin", `${url}/big.bin`], inFolder);
    assert.ok(isWhole("curl.bin"));
  });

  await t.test(
    "curl --compressed gets gzip, and its HEAD has the same coding as the GET",
    async () => {
      const args = ["-sSf", "--compressed", `${url}/numbers.txt`] as const;
      assert.equal(await runClient(["curl", ...args]), numbers);
      const fields = async (...options: readonly string[]) =>
        (await runClient(["curl", ...options, ...args])).replaceAll(
          /^(?:Date|Transfer-Encoding):.*\r\n/gim,
          "",
        );
      const get = await fields("-D", "-", "-o", "/dev/null");
      assert.match(get, /^Content-Encoding: gzip\r$/m);
      assert.equal(await fields("-I"), get);
    },
  );

  await t.test("several ranges come as multipart/byteranges", async () => {
    const args = [
      "-sSf",
      "-r",
      "0-1,10-11",
      "-D",
      "-",
      "-o",
      "/dev/null",
      `${url}/big.bin`,
    ] as const;
    assert.match(await runClient(["curl", ...args]), /^Content-Type: multipart\/byteranges;/m);
  });

  await t.test("rclone lists sizes, for which it sends HEAD, and copies", async () => {
    const rclone = (...args: readonly string[]) =>
      runClient(["rclone", "--config=/dev/null", `--http-url=${url}`, ...args], inFolder);
    assert.match(await rclone("lsl", ":http:"), /^ *5000000 .* big\.bin$/m);
    await rclone("copy", ":http:", "copy");
    assert.ok(isWhole("copy/big.bin"));
    assert.equal(readFileSync(join(folder, "copy", "empty.bin"), "utf8"), "");
  });
});
