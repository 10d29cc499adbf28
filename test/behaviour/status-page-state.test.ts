/**
 * The first glance at the status page: pill, title and icon.
 *
 * Symptom: the page showed "ready" with a green mark while the last reload had failed, while every upstream refused, and while the page
 * itself had lost headgate. Title and icon never changed.
 * Root cause: pill and title showed readiness only, which is about traffic and not about what needs the operator's attention.
 * Fix: the status snapshot has a health, and the page shows it, or that the connection is lost, by word, shape and colour.
 */

import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import test, { type TestContext, before } from "node:test";

import type { Browser } from "playwright-core";

import { getOnly, text } from "../support/responses.ts";
import { startEdited } from "../support/binary.ts";
import { openBrowser, withoutBrowser } from "../support/browser.ts";
import { listenOn } from "../support/listen.ts";
import { startOrigin } from "../support/origin.ts";
import { startSidecar } from "../support/sidecar.ts";
import { type Glance, glanceAt, openStatusPage } from "../support/status-page.ts";

const options = { skip: withoutBrowser, timeout: 60_000 };

let browser: Browser | undefined;
before(async () => {
  if (withoutBrowser === false) browser = await openBrowser();
});

const OK = { pill: "ready", title: "headgate", reasons: [] };

function assertOk({ pill, title, reasons }: Glance): void {
  assert.deepEqual({ pill, title, reasons }, OK);
}

/** A port that leads to an admin port, so that the next headgate has the same address as the last one. */
async function openWay(
  t: TestContext,
  first: number,
): Promise<{ readonly port: number; lead(port: number): void }> {
  let to = first;
  const server = createServer((socket) => {
    const inner = connect(to, "127.0.0.1");
    for (const [one, other] of [
      [socket, inner],
      [inner, socket],
    ] as const)
      one.on("error", () => undefined).once("close", () => other.destroy());
    socket.pipe(inner).pipe(socket);
  });
  return { port: await listenOn(t, server), lead: (port) => void (to = port) };
}

test("a failed reload is shown, with its mistake, until a valid one", options, async (t) => {
  const origin = await startOrigin(t, text("x"));
  const good = `upstream: ${origin.url}\n`;
  const headgate = await startEdited(t, good);
  const { page, complaints } = await openStatusPage(t, browser, headgate.adminPort);
  assertOk(await glanceAt(page, "good"));
  await headgate.edit(`${good}upsteams: { a: "http://u:s3cret@127.0.0.1:9" }\n`);
  const { pill, title, reasons } = await glanceAt(page, "warn");
  assert.equal(pill, "reload failed");
  assert.equal(title, "▲ reload failed · headgate");
  assert.match(
    reasons.join("\n"),
    /^The reload at \d\d:\d\d:\d\d UTC failed, and the configuration from before is in use: .*routes\.yaml:4:1 upsteams: is not a known key; did you mean "upstreams"\?$/,
  );
  assert.doesNotMatch(await page.content(), /s3cret/);
  await headgate.edit(good);
  assertOk(await glanceAt(page, "good"));
  assert.deepEqual(complaints, []);
});

test(
  "an upstream that fails is shown, by its name and error, until it serves again",
  options,
  async (t) => {
    const origin = await startOrigin(t, (request) =>
      request.target === "/broken" ? request.reset() : text("x")(request),
    );
    const sidecar = await startSidecar(t, { upstream: origin.url });
    const ask = (path: string) => fetch(`http://127.0.0.1:${sidecar.port}${path}`);
    const { page } = await openStatusPage(t, browser, sidecar.adminPort);
    assertOk(await glanceAt(page, "good"));
    await ask("/broken");
    const { pill, title, reasons } = await glanceAt(page, "bad");
    assert.equal(pill, "upstream failing");
    assert.equal(title, "✖ upstream failing · headgate");
    assert.match(
      reasons.join("\n"),
      /^Upstream default is failing: The upstream closed the connection before a response \(connection_terminated\), last at \d\d:\d\d:\d\d UTC$/,
    );
    const card = await page.locator("#upstreams li").first().innerText();
    assert.ok(card.includes(origin.url), card);
    assert.ok(card.includes(origin.url.replace("http://", "")), card);
    await ask("/fine");
    assertOk(await glanceAt(page, "good"));
  },
);

test(
  "a lost connection is shown, with the time of the figures, until headgate is back",
  options,
  async (t) => {
    const origin = await startOrigin(t, getOnly(text("x")));
    const sidecar = await startSidecar(t, { upstream: origin.url });
    const way = await openWay(t, sidecar.adminPort);
    const { page } = await openStatusPage(t, browser, way.port);
    assertOk(await glanceAt(page, "good"));
    await sidecar.stop();
    const { pill, title } = await glanceAt(page, "lost");
    assert.equal(pill, "connection lost");
    assert.equal(title, "○ connection lost · headgate");
    assert.match(
      (await page.locator("#notice").textContent()) ?? "",
      /^(?:The connection to headgate is lost|No live updates).* All figures are of \d\d:\d\d:\d\d UTC\.$/,
    );
    way.lead((await startSidecar(t, { upstream: origin.url })).adminPort);
    assertOk(await glanceAt(page, "good"));
    assert.equal(await page.locator("#notice").isVisible(), false);
  },
);

test("a paused page still shows that something fails", options, async (t) => {
  const origin = await startOrigin(t, (request) => request.reset());
  const sidecar = await startSidecar(t, { upstream: origin.url });
  const { page } = await openStatusPage(t, browser, sidecar.adminPort);
  await page.locator("#pause").click();
  await fetch(`http://127.0.0.1:${sidecar.port}/`);
  assert.equal((await glanceAt(page, "bad")).pill, "upstream failing");
  assert.equal(await page.locator("#requests").textContent(), "0");
});

test(
  "each state has a title, a mark and an icon of its own, even without colours",
  options,
  async (t) => {
    const origin = await startOrigin(t, text("x"));
    const headgate = await startEdited(t, `upstream: ${origin.url}\n`);
    const { page } = await openStatusPage(t, browser, headgate.adminPort);
    const glances = [await glanceAt(page, "good")];
    await headgate.edit("upstream: nowhere\n");
    glances.push(await glanceAt(page, "warn"));
    await headgate.edit("upstream: http://127.0.0.1:1\n");
    await glanceAt(page, "good");
    await fetch(`http://127.0.0.1:${headgate.port}/`);
    glances.push(await glanceAt(page, "bad"));
    headgate.child.kill("SIGKILL");
    glances.push(await glanceAt(page, "lost"));
    const toShape = ({ icon }: Glance): string => icon.replace(/%23[0-9a-f]{3,6}/g, "");
    for (const key of ["pill", "title", "mark"] as const)
      assert.equal(new Set(glances.map((one) => one[key])).size, 4, key);
    assert.equal(new Set(glances.map(toShape)).size, 4);
    for (const { icon } of glances) {
      assert.match(icon, /^data:image\/svg\+xml,/);
      // The browser can draw it as an image.
      const width = await page.evaluate<number>(
        `new Promise((resolve) => { const image = new Image(); image.onload = () => resolve(image.naturalWidth); image.onerror = () => resolve(0); image.src = ${JSON.stringify(icon)}; })`,
      );
      assert.ok(width > 0, icon);
    }
  },
);
