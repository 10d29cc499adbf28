// qemu opens a disk image over HTTP only if the response to the HEAD has a length and `Accept-Ranges: bytes`. nginx sends Accept-Ranges in
// a 200 and not in a 206.

import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { startNginx } from "../support/nginx.ts";
import { runClient, startHeadgate, testReal } from "../support/real.ts";

// Debian installs qemu's HTTP driver apart, in a folder of the machine's architecture.
const block = readdirSync("/usr/lib")
  .map((name) => `/usr/lib/${name}/qemu/block-curl.so`)
  .find((path) => existsSync(path));
const NEEDS = {
  nginx: "nginx",
  "qemu-img": "qemu-utils",
  [block ?? "/usr/lib/qemu/block-curl.so"]: "qemu-block-extra",
};

testReal("qemu-img before nginx", NEEDS, async (t) => {
  const nginx = await startNginx(t);
  await runClient([
    "qemu-img",
    "create",
    "-q",
    "-f",
    "qcow2",
    join(nginx.root, "disk.qcow2"),
    "1G",
  ]);
  for (const range of ["strip", "probe"]) {
    const { url } = await startHeadgate(t, nginx.url, `head: { range: ${range} }`);
    await t.test(`qemu reads the image's size with range: ${range}`, async () => {
      const info = await runClient(["qemu-img", "info", `${url}/disk.qcow2`]);
      assert.match(info, /^virtual size: 1 GiB/m);
    });
  }
});
