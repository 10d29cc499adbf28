// What headgate is for, on a typical backend: HEAD on a FastAPI app that serves GET only.

import assert from "node:assert/strict";
import { after, before, it } from "node:test";

import { type Stack, curl, describeReal, startStack } from "./stack.ts";

describeReal("HEAD on a real FastAPI", () => {
  let stack: Stack;
  before(async () => {
    stack = await startStack({ yaml: "routes: [{ path: /native, head: pass }]" });
  });
  after(() => stack.stop());

  it("is 405 without headgate and 200 with it", async () => {
    assert.match(
      await curl("-I", `${stack.direct}/health`),
      /^HTTP\/1\.1 405 Method Not Allowed\r\n/,
    );
    assert.match(await curl("-I", `${stack.proxied}/health`), /^HTTP\/1\.1 200 OK\r\n/);
  });

  const paths = {
    "/health": 200,
    "/login": 200, // two Set-Cookie fields
    "/file": 200,
    "/docs": 200,
    "/openapi.json": 200,
    "/items": 307, // to /items/, at the host in the client's Host
    "/items/1": 200,
    "/items/none": 422,
    "/nowhere": 404,
    "/failing": 500,
  };
  for (const [path, status] of Object.entries(paths)) {
    it(`on ${path} has exactly the header section of the GET, ${status}`, async () => {
      const get = await curl("-D", "-", "-o", "/dev/null", `${stack.proxied}${path}`);
      const head = await curl("-I", `${stack.proxied}${path}`);
      assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `));
      assert.equal(withoutDate(head), withoutDate(get));
    });
  }

  for (const path of ["/docs", "/openapi.json"]) {
    it(`on ${path} gets the app's own response to a HEAD`, async () => {
      const direct = await curl("-I", `${stack.direct}${path}`);
      assert.match(direct, /^HTTP\/1\.1 200 OK\r\n/);
      const own = /^(?:connection|keep-alive):.*\r\n/gim;
      const proxied = await curl("-I", `${stack.proxied}${path}`);
      assert.equal(withoutDate(proxied).replace(own, ""), withoutDate(direct).replace(own, ""));
    });
  }

  it("reaches a HEAD handler of the app's own if the route passes", async () => {
    assert.match(await curl("-I", `${stack.proxied}/native`), /^x-answered: HEAD\r$/m);
    assert.match(await curl("-D", "-", `${stack.proxied}/native`), /^x-answered: GET\r$/m);
  });

  it("with Range is the full file's 200, while GET is 206", async () => {
    const range = ["-H", "Range: bytes=0-2"];
    const get = await curl("-i", ...range, `${stack.proxied}/file`);
    assert.match(get, /^HTTP\/1\.1 206 /);
    assert.match(get, /\r\n\r\n"""$/);
    const head = await curl("-I", ...range, `${stack.proxied}/file`);
    assert.match(head, /^HTTP\/1\.1 200 /);
    assert.match(head, /^accept-ranges: bytes\r$/m);
    assert.doesNotMatch(head, /^content-range:/m);
  });

  it("on a StreamingResponse gets a response before the first chunk, and ends the generator", async () => {
    const head = await curl("-I", `${stack.proxied}/stream/head`);
    assert.match(head, /^HTTP\/1\.1 200 OK\r\n/);
    assert.doesNotMatch(head, /^(?:transfer-encoding|content-length):/im);
    assert.equal(await curl(`${stack.direct}/gates/head-closed`), '"head-closed"');
  });

  it("whose GET was broken off still runs the background tasks", async () => {
    await curl("-I", `${stack.proxied}/stream/tasks`);
    assert.equal(await curl(`${stack.direct}/gates/tasks-background`), '"tasks-background"');
  });

  it("on an event stream gets a response at once, and ends the generator", async () => {
    const head = await curl("-I", `${stack.proxied}/events/head-events`);
    assert.match(head, /^content-type: text\/event-stream/m);
    assert.equal(await curl(`${stack.direct}/gates/head-events-closed`), '"head-events-closed"');
  });
});

/** The clock may advance by a second between two responses. */
function withoutDate(headerSection: string): string {
  const shown = headerSection.replace(/^date: .*GMT\r$/im, "date\r");
  assert.notEqual(shown, headerSection, "there was a Date field");
  return shown;
}
