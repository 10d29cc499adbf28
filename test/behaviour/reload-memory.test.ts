/**
 * A reload keeps the state of everything that it does not change.
 *
 * Symptom: after a reload that changed nothing, or only another route, the first HEADs of every route in mode auto reached the app as
 * HEADs again, and shared responses were requested again. Root cause: that state belonged to one configuration, and each reload made a new
 * one. Fix: a route that stays the same, with its upstream, keeps its state; the same configuration keeps everything.
 */

import assert from "node:assert/strict";
import test from "node:test";
import { getOnly, text } from "../support/responses.ts";
import { startEdited } from "../support/binary.ts";
import { startOrigin } from "../support/origin.ts";
import { sendRequest, toRequest } from "../support/request.ts";

test("the memory of mode auto for a route outlasts each reload that changes neither the route nor its upstream", async (t) => {
  const origin = await startOrigin(t, getOnly(text("x")));
  const other = await startOrigin(t, getOnly(text("y")));
  const yaml = ({ remember = "5m", upstream = origin.url, more = "" }) =>
    [
      `upstream: "${upstream}"`,
      "head: auto",
      `routes: [{ path: /kept/*, head: { remember: ${remember} } }${more}]`,
      "",
    ].join("\n");
  const headgate = await startEdited(t, yaml({}));
  /** The methods that an app has seen for one HEAD. */
  const head = async (path: string, { arrivals } = origin): Promise<string> => {
    const from = arrivals.length;
    const { status } = await sendRequest(t, headgate.port, toRequest(`HEAD ${path}`));
    assert.equal(status, 200);
    return arrivals
      .slice(from)
      .map(({ method }) => method)
      .join(" ");
  };
  assert.equal(await head("/kept/a"), "HEAD GET", "it is asked once");
  assert.equal(await head("/default"), "HEAD GET");

  assert.equal((await headgate.hangUp())["level"], "info");
  assert.equal(await head("/kept/a"), "GET", "the same file");
  assert.equal(await head("/default"), "GET");

  await headgate.edit(yaml({ more: ", { path: /other, head: pass }" }));
  assert.equal(await head("/kept/a"), "GET", "another route is new");
  assert.equal(await head("/default"), "GET");

  await headgate.edit(yaml({ remember: "4m" }));
  assert.equal(await head("/kept/a"), "HEAD GET", "the route has changed");
  assert.equal(await head("/default"), "GET", "this one has not");

  await headgate.edit(yaml({ remember: "4m", upstream: other.url }));
  assert.equal(await head("/kept/a", other), "HEAD GET", "its upstream has changed");
});

test("a shared response outlasts a reload of the same configuration, and no other", async (t) => {
  const origin = await startOrigin(t, text("x"));
  const yaml = `upstream: ${origin.url}\nhead: { share: 1m }\n`;
  const headgate = await startEdited(t, yaml);
  const head = async (): Promise<number> => {
    assert.equal((await sendRequest(t, headgate.port, toRequest("HEAD /x"))).status, 200);
    return origin.arrivals.length;
  };
  assert.equal(await head(), 1);
  assert.equal((await headgate.hangUp())["level"], "info");
  assert.equal(await head(), 1, "the same file");
  await headgate.edit(`${yaml}requestId: forward\n`);
  assert.equal(await head(), 2, "another one");
});

test("a route's limit counts on through a reload that does not change the route", async (t) => {
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  const origin = await startOrigin(t, async (request) => {
    await released;
    await text("x")(request);
  });
  const headgate = await startEdited(
    t,
    `upstream: ${origin.url}\nhead: { limit: { concurrent: 1 } }\n`,
  );
  const first = sendRequest(t, headgate.port, toRequest("HEAD /x"));
  await origin.arrival(0);
  await headgate.hangUp();
  assert.equal((await sendRequest(t, headgate.port, toRequest("HEAD /x"))).status, 503);
  release();
  assert.equal((await first).status, 200);
});
