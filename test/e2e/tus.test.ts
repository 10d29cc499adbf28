// Resumable uploads: tus's own server and client. The client sends HEAD to learn the offset of an upload, which no GET returns.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { FileStore } from "@tus/file-store";
import { Server } from "@tus/server";
import { Upload } from "tus-js-client";

import { createFolder, startHeadgate } from "../support/real.ts";

void test("a tus upload through headgate continues at its offset", async (t) => {
  const directory = createFolder(t);
  const tus = new Server({ path: "/uploads", datastore: new FileStore({ directory }) });
  const server = createServer((request, response) => void tus.handle(request, response)).listen(
    0,
    "127.0.0.1",
  );
  await once(server, "listening");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { url, statuses } = await startHeadgate(
    t,
    `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
  );
  const content = randomBytes(1_000_000);

  const first = await new Promise<string>((resolve, reject) => {
    const upload = new Upload(content, {
      endpoint: `${url}/uploads`,
      chunkSize: 300_000,
      retryDelays: null,
      onError: reject,
      onChunkComplete: () => {
        if (upload.url === null) return;
        void upload.abort().then(() => resolve(upload.url ?? ""));
      },
    });
    upload.start();
  });
  await new Promise<void>((resolve, reject) => {
    const options = { uploadUrl: first, chunkSize: 300_000, retryDelays: null };
    new Upload(content, { ...options, onError: reject, onSuccess: () => resolve() }).start();
  });

  const { pathname } = new URL(first);
  assert.deepEqual(await statuses("HEAD", pathname, 1), [200]);
  assert.ok(content.equals(readFileSync(join(directory, pathname.replace("/uploads/", "")))));
});
