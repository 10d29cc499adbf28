// An OCI registry: docker-registry and skopeo, which sends HEAD to learn whether a blob exists before it uploads it.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import {
  createFolder,
  findAddress,
  runClient,
  startBackend,
  startHeadgate,
  testReal,
} from "../support/real.ts";

const NEEDS = { "docker-registry": "docker-registry", skopeo: "skopeo", curl: "curl" };

testReal("an OCI registry through headgate", NEEDS, async (t) => {
  const folder = createFolder(t);
  const place = await findAddress();
  const file = join(folder, "registry.yml");
  writeFileSync(
    file,
    `version: 0.1
log: { level: error }
storage: { filesystem: { rootdirectory: ${folder}/registry }, delete: { enabled: true } }
http: { addr: "${place.authority}" }\n`,
  );
  await startBackend(t, { command: ["docker-registry", "serve", file], address: place });
  const { url, authority, statuses } = await startHeadgate(t, place.url);
  const blob = createImage(join(folder, "image"));
  const skopeo = (...args: readonly string[]) => runClient(["skopeo", ...args]);
  const image = `docker://${authority}/project/image:one`;

  await t.test("skopeo pushes an image, and sends HEAD to learn what exists", async () => {
    const copy = ["copy", "--insecure-policy", "--dest-tls-verify=false"];
    await skopeo(...copy, `oci:${join(folder, "image")}:one`, image);
    const path = `/v2/project/image/blobs/${blob}`;
    const first = await statuses("HEAD", path, 1);
    assert.equal(first[0], 404);
    await skopeo(...copy, `oci:${join(folder, "image")}:one`, image);
    assert.ok((await statuses("HEAD", path, first.length + 1)).includes(200));
  });

  await t.test("a HEAD of a blob has its length and digest", async () => {
    const head = await runClient(["curl", "-sSfI", `${url}/v2/project/image/blobs/${blob}`]);
    assert.match(head, new RegExp(`^Docker-Content-Digest: ${blob}\r$`, "m"));
    const length = readFileSync(join(folder, "image", "blobs", blob.replace(":", "/"))).length;
    assert.match(head, new RegExp(`^Content-Length: ${length}\r$`, "m"));
  });

  await t.test("skopeo inspects and pulls it", async () => {
    const info = JSON.parse(await skopeo("inspect", "--tls-verify=false", image)) as {
      Layers: string[];
    };
    assert.ok(info.Layers.includes(blob));
    const copy = ["copy", "--insecure-policy", "--src-tls-verify=false"];
    await skopeo(...copy, image, `oci:${join(folder, "pulled")}:one`);
    assert.ok(readdirSync(join(folder, "pulled", "blobs", "sha256")).includes(blob.slice(7)));
  });

  await t.test("skopeo deletes it", async () => {
    await skopeo("delete", "--tls-verify=false", image);
  });
});

/** Writes an image of one layer with one empty file, in OCI's layout, and returns the layer's digest. */
function createImage(folder: string): string {
  const blobs = join(folder, "blobs", "sha256");
  mkdirSync(blobs, { recursive: true });
  const put = (content: Buffer, mediaType: string) => {
    const digest = createHash("sha256").update(content).digest("hex");
    writeFileSync(join(blobs, digest), content);
    return { mediaType, digest: `sha256:${digest}`, size: content.length };
  };
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  const tar = createTar("empty");
  const layer = put(gzipSync(tar), "application/vnd.oci.image.layer.v1.tar+gzip");
  const config = put(
    json({
      architecture: "amd64",
      os: "linux",
      config: {},
      rootfs: {
        type: "layers",
        diff_ids: [`sha256:${createHash("sha256").update(tar).digest("hex")}`],
      },
    }),
    "application/vnd.oci.image.config.v1+json",
  );
  const type = "application/vnd.oci.image.manifest.v1+json";
  const manifest = put(json({ schemaVersion: 2, mediaType: type, config, layers: [layer] }), type);
  const annotations = { "org.opencontainers.image.ref.name": "one" };
  const index = { schemaVersion: 2, manifests: [{ ...manifest, annotations }] };
  writeFileSync(join(folder, "index.json"), json(index));
  writeFileSync(join(folder, "oci-layout"), json({ imageLayoutVersion: "1.0.0" }));
  return layer.digest;
}

/** An archive of one empty file, in POSIX's format (ustar): a header of 512 bytes, and two blocks of zeros. */
function createTar(name: string): Buffer {
  const archive = Buffer.alloc(3 * 512);
  archive.write(name, 0);
  const numbers = ["0000644", "0000000", "0000000", "00000000000", "00000000000"]; // mode, owner, group, length, time
  archive.write(numbers.map((number) => `${number}\0`).join(""), 100);
  archive.write("        0", 148); // the check sum counts itself as blanks
  archive.write("ustar\u000000", 257);
  const sum = archive.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  archive.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return archive;
}
