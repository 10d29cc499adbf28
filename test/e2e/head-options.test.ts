// The modes and options of `head` on the backend for which they exist.

import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { after, before, it } from "node:test";
import { fileURLToPath } from "node:url";

import { type Stack, curl, describeReal, startStack } from "./stack.ts";

const FILE_BYTES = statSync(fileURLToPath(new URL("app.py", import.meta.url))).size;
const REPORT_BYTES = Array.from({ length: 100 }, (_, number) => `line ${number}\n`).join("").length;

const ROUTES = `head: auto
routes:
  - { path: /file, head: { mode: convert, range: probe } }
  - { path: /download, head: { mode: convert, range: probe } }
  - { path: /report, head: { mode: convert, contentLength: measure, drain: { time: 1h } } }
  - { path: /items/1, head: { mode: convert, share: 1m } }
`;

describeReal("HEAD with its options on a real FastAPI", () => {
  let stack: Stack;
  before(async () => {
    stack = await startStack({ yaml: ROUTES });
  });
  after(() => stack.stop());

  const head = (path: string): Promise<string> => curl("-I", `${stack.proxied}${path}`);
  /** What reached the app: methods in order, and bytes of content that it sent. */
  const recorded = async (path: string) =>
    JSON.parse(await curl(`${stack.direct}/recorded${path}`)) as {
      readonly methods: readonly string[];
      readonly content: number;
    };

  it("in mode auto the client gets the app's own response to a HEAD of /docs, and headgate sends no GET", async () => {
    for (let round = 0; round < 2; round += 1)
      assert.match(await head("/docs"), /^HTTP\/1\.1 200 /);
    assert.deepEqual((await recorded("/docs")).methods, ["HEAD", "HEAD"]);
  });

  it("in mode auto headgate sends GET for /health, which refuses HEAD, and from then on at once", async () => {
    for (let round = 0; round < 2; round += 1) {
      const answer = await head("/health");
      assert.match(answer, /^HTTP\/1\.1 200 /);
      assert.match(answer, /^content-length: 15\r$/m);
    }
    assert.deepEqual((await recorded("/health")).methods, ["HEAD", "GET", "GET"]);
  });

  it("in mode auto an explicit HEAD route is preferred to the GET of its path", async () => {
    for (let round = 0; round < 2; round += 1)
      assert.match(await head("/native"), /^x-answered: HEAD\r$/m);
    assert.deepEqual((await recorded("/native")).methods, ["HEAD", "HEAD"]);
  });

  it("range: probe gets a file's full length for one byte, if the app supports Range", async () => {
    const answer = await head("/file");
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.match(answer, new RegExp(`^content-length: ${FILE_BYTES}\\r$`, "im"));
    assert.doesNotMatch(answer, /^content-range:/im);
    assert.deepEqual(await recorded("/file"), { methods: ["GET"], content: 1 });
  });

  it("range: probe gets a FileResponse's full length, with and without Range support in its Starlette", async (t) => {
    const own = await curl("-i", "-H", "Range: bytes=0-0", `${stack.direct}/download`);
    const isKnown = own.startsWith("HTTP/1.1 206 ");
    t.diagnostic(`this Starlette's FileResponse ${isKnown ? "knows" : "does not know"} Range`);
    const earlier = await recorded("/download");
    const answer = await head("/download");
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.match(answer, new RegExp(`^content-length: ${FILE_BYTES}\\r$`, "im"));
    assert.match(answer, /^etag: /im);
    assert.doesNotMatch(answer, /^content-range:/im);
    const { methods, content } = await recorded("/download");
    assert.equal(methods.length, earlier.methods.length + 1, "one request: a 200 is used as it is");
    if (isKnown) assert.equal(content, earlier.content + 1);
  });

  it("contentLength: measure gets a StreamingResponse's length, which its GET does not have", async () => {
    const get = await curl("-D", "-", "-o", "/dev/null", `${stack.proxied}/report`);
    assert.match(get, /^transfer-encoding: chunked\r$/im);
    const answer = await head("/report");
    assert.match(answer, new RegExp(`^content-length: ${REPORT_BYTES}\\r$`, "im"));
    assert.doesNotMatch(answer, /^transfer-encoding:/im);
  });

  it("share sends the app one request for many clients", async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => head("/items/1")));
    for (const answer of answers) assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.deepEqual((await recorded("/items/1")).methods, ["GET"]);
  });
});
