// All requests other than HEAD, on a real FastAPI app: what its users would notice if the proxy changed them.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { request } from "node:http";
import { after, before, it } from "node:test";
import { fileURLToPath } from "node:url";

import { type Stack, curl, describeReal, startStack } from "./stack.ts";

describeReal("a real FastAPI behind headgate", () => {
  let stack: Stack;
  before(async () => {
    stack = await startStack();
  });
  after(() => stack.stop());

  const openGate = (name: string) => curl("-X", "POST", `${stack.direct}/gates/${name}`);
  const passGate = (name: string) => curl(`${stack.direct}/gates/${name}`);

  for (const [kind, path, piece] of [
    ["a StreamingResponse", "stream", (number: number) => `chunk ${number}\n`],
    ["an event stream", "events", (number: number) => `data: ${number}\n\n`],
  ] as const) {
    it(`${kind} arrives piece by piece`, async () => {
      // The next piece is sent only when the one before has arrived: with a buffer anywhere, this would never end.
      const answer = await fetch(`${stack.proxied}/${path}/pieces-${path}`);
      const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
      for (const number of [1, 2, 3]) {
        await openGate(`pieces-${path}-${number}`);
        assert.equal((await reader?.read())?.value, piece(number));
      }
      assert.equal((await reader?.read())?.done, true);
    });
  }

  it("a client that leaves a stream ends its generator", async () => {
    const leave = new AbortController();
    await fetch(`${stack.proxied}/stream/left`, { signal: leave.signal });
    leave.abort();
    assert.equal(await passGate("left-closed"), '"left-closed"');
  });

  it("an UploadFile arrives completely", async () => {
    const content = Buffer.alloc(5 * 1024 * 1024, "0123456789abcdef-");
    const body = new FormData();
    body.append("file", new Blob([content]), "five megabytes.bin");
    const answer = await fetch(`${stack.proxied}/upload`, { method: "POST", body });
    assert.deepEqual(await answer.json(), {
      name: "five megabytes.bin",
      size: content.length,
      sha256: sha256(content),
    });
  });

  it("a chunked upload arrives while it is being sent", async () => {
    const post = request(`${stack.proxied}/upload-stream/slow`, { method: "POST" });
    const answered = once(post, "response");
    post.write("first ");
    await passGate("slow-received");
    post.end("second");
    const [answer] = (await answered) as [AsyncIterable<Buffer>];
    let body = "";
    for await (const chunk of answer) body += chunk.toString();
    assert.equal(body, JSON.stringify(sha256("first second")));
  });

  it("an upload after Expect: 100-continue arrives", async () => {
    const upload = ["-F", `file=@${fileURLToPath(import.meta.url)};filename=this`];
    const answer = await curl(
      "-i",
      "-H",
      "Expect: 100-continue",
      ...upload,
      `${stack.proxied}/upload`,
    );
    assert.match(answer, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/);
    assert.match(answer, /"name":"this"/);
  });

  it("a redirect leads back through headgate", async () => {
    const { status, headers } = await fetch(`${stack.proxied}/items`, { redirect: "manual" });
    assert.equal(status, 307);
    assert.equal(headers.get("location"), `${stack.proxied}/items/`);
    assert.equal(await curl("-L", `${stack.proxied}/items`), "[]");
  });

  it("cookies are set and come back", async () => {
    const { headers } = await fetch(`${stack.proxied}/login`);
    const cookies = headers.getSetCookie();
    assert.equal(cookies.length, 2);
    const cookie = cookies.map((line) => line.split(";")[0]).join("; ");
    const answer = await fetch(`${stack.proxied}/me`, { headers: { cookie } });
    assert.deepEqual(await answer.json(), { session: "s1", theme: "dark" });
  });

  it("the app sees the client's method, Host and fields", async () => {
    const seen = JSON.parse(
      await curl("-H", "Host: shop.example", "-H", "X-One: ä", `${stack.proxied}/who`),
    ) as Who;
    assert.equal(seen.method, "GET");
    assert.equal(seen.host, "shop.example");
    assert.deepEqual(seen.fields.find(([name]) => name === "x-one")?.[1], "Ã¤"); // the bytes of UTF-8
  });

  it("a POST is as forbidden as without headgate", async () => {
    assert.equal((await fetch(`${stack.proxied}/health`, { method: "POST" })).status, 405);
  });
});

interface Who {
  readonly method: string;
  readonly host: string;
  readonly fields: readonly (readonly [string, string])[];
}

function sha256(content: string | Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}
