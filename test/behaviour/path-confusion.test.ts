// A path is compared in one form, so that no spelling bypasses a route; the upstream gets the bytes that the client sent.

import assert from "node:assert/strict";
import test from "node:test";

import { text } from "../support/responses.ts";
import { startOrigin } from "../support/origin.ts";
import { sendRequest, toRequest } from "../support/request.ts";
import { startSidecar } from "../support/sidecar.ts";

const INSIDE = [
  "/admin/x",
  "/admin",
  "/%61dmin/x",
  "/%41dmin/../admin/x",
  "/./admin/x",
  "/public/../admin/x",
  "/public/%2e%2e/admin/x",
  "/public/.%2E/admin/x",
  "//admin//x",
  "/public/..//admin/x",
  "/admin/x?a=/../public",
];
const OUTSIDE = ["/public/x", "/administrator", "/admin%2fx", "/x/admin/", "/admin/../public"];

test("every spelling of a path matches its route, and none of another path does", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const { port } = await startSidecar(t, {
    upstream: origin.url,
    yaml: "routes: [{ path: /admin/*, head: reject }]",
  });
  for (const [paths, status] of [
    [INSIDE, 405],
    [OUTSIDE, 200],
  ] as const) {
    for (const path of paths)
      assert.equal((await sendRequest(t, port, toRequest(`HEAD ${path}`))).status, status, path);
  }
});

test("a path is sent upstream byte for byte, in any form of comparison", async (t) => {
  const origin = await startOrigin(t, text("ok"));
  const { port } = await startSidecar(t, {
    upstream: origin.url,
    yaml: "routes: [{ path: /admin/* }]",
  });
  const odd = ["/admin;x=1/y", "/admin\\x", "/admin/%00", "/admin/%2F..%2f", "/%E4dmin", "/%zz"];
  for (const path of [...INSIDE, ...OUTSIDE, ...odd]) {
    const seen = origin.arrivals.length;
    await sendRequest(t, port, toRequest(`GET ${path}`));
    assert.equal(origin.arrivals[seen]?.target, path);
  }
});
