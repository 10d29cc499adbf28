import assert from "node:assert/strict";
import test from "node:test";

import { createResponseHeadCache } from "../../src/server/http1/head-cache.ts";

test("a response head that repeats is the same text; any difference makes another one", () => {
  const heads = createResponseHeadCache();
  const fields = ["A", "1", "Date", "then"];
  const write = (status: number, reason: string, lines: readonly string[], hop: string): string =>
    heads.complete(heads.begin(status, reason, lines), hop);
  const first = write(200, "OK", fields, "Connection: close\r\n");
  assert.equal(first, "HTTP/1.1 200 OK\r\nA: 1\r\nDate: then\r\nConnection: close\r\n\r\n");
  assert.equal(write(200, "OK", fields, "Connection: close\r\n"), first);
  assert.match(write(404, "OK", fields, ""), /^HTTP\/1\.1 404 OK\r\nA: 1\r\nDate: then\r\n\r\n$/);
  assert.match(write(404, "No", fields, ""), /^HTTP\/1\.1 404 No\r\n/);
  assert.match(write(404, "No", ["B", "2", "Date", "x"], ""), /\r\nB: 2\r\n/);
  assert.match(write(404, "No", ["B", "2"], ""), /\r\nB: 2\r\nDate: \w+, .* GMT\r\n\r\n$/);
});
