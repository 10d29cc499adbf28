/** The status page of a running headgate, in a real browser. */

import assert from "node:assert/strict";
import test, { type TestContext, before } from "node:test";

import type { Browser, BrowserContextOptions } from "playwright-core";

import { getOnly, text } from "../support/responses.ts";
import { openBrowser, withoutBrowser } from "../support/browser.ts";
import { startOrigin } from "../support/origin.ts";
import { startSidecar, type Sidecar } from "../support/sidecar.ts";
import { type OpenedPage, openStatusPage } from "../support/status-page.ts";
import { openWire } from "../support/wire.ts";

const options = { skip: withoutBrowser, timeout: 60_000 };

let browser: Browser | undefined;
before(async () => {
  if (withoutBrowser === false) browser = await openBrowser();
});

interface Watched extends OpenedPage {
  readonly sidecar: Sidecar;
}

async function watch(t: TestContext, context: BrowserContextOptions = {}): Promise<Watched> {
  const origin = await startOrigin(t, getOnly(text("hello")));
  const sidecar = await startSidecar(t, { upstream: origin.url });
  return { ...(await openStatusPage(t, browser, sidecar.adminPort, context)), sidecar };
}

const head = (sidecar: Sidecar, path: string): Promise<Response> =>
  fetch(`http://127.0.0.1:${sidecar.port}${path}`, { method: "HEAD" });

test("a HEAD appears on the page with its outcome", options, async (t) => {
  const { page, sidecar, complaints } = await watch(t);
  assert.equal(await page.locator("#state").textContent(), "ready");
  await head(sidecar, "/health?token=secret");
  const row = page.locator("#last-heads tr", { hasText: "/health" });
  await row.waitFor();
  assert.match(await row.innerText(), /200\s+\/health\s+converted\s+5 B dropped/);
  assert.equal(await page.locator("#rescued").textContent(), "1");
  assert.doesNotMatch(await page.content(), /secret/);
  assert.deepEqual(complaints, []);
});

test("an error appears on the page, and the upstream as failing", options, async (t) => {
  const { page, complaints } = await watch(t);
  const broken = await startOrigin(t, (request) => request.reset());
  const other = await startSidecar(t, { upstream: broken.url });
  await page.goto(`http://127.0.0.1:${other.adminPort}/`);
  await fetch(`http://127.0.0.1:${other.port}/gone`);
  await page.locator("#last-errors tr", { hasText: "GET /gone" }).waitFor();
  await page.locator("#upstreams .pill.bad", { hasText: "failing" }).waitFor();
  assert.deepEqual(complaints, []);
});

test("a client's text stays text", options, async (t) => {
  const { page, sidecar, complaints } = await watch(t);
  const hostile =
    "/<img/src=x/onerror=document.title='owned'><script>document.title='owned'</script>";
  const wire = await openWire(t, sidecar.port);
  wire.write(`HEAD ${hostile} HTTP/1.1\r\nHost: <b>bold</b>\r\n\r\n`);
  await wire.readResponse("HEAD");
  wire.write(`HEAD ${hostile} HTTP/1.1\r\nHost: a\r\nUser-Agent: <b>bold</b>\r\n\r\n`);
  const row = page.locator("#last-heads tr", { hasText: "<img/src=x" }).first();
  await row.waitFor();
  assert.equal(await page.locator("main img, main script, main b:has-text('bold')").count(), 0);
  assert.equal(await page.title(), "headgate");
  assert.deepEqual(complaints, []);
});

test("the policy refuses markup made of strings", options, async (t) => {
  const { page } = await watch(t);
  const refused = await page.evaluate(
    "try { document.body.innerHTML = '<b>x</b>'; 'set' } catch (error) { error.name }",
  );
  assert.equal(refused, "TypeError");
});

test("the page can be used by keyboard", options, async (t) => {
  const { page } = await watch(t);
  await page.locator("#rate", { hasNotText: "–" }).waitFor();
  const focused = (): Promise<string> =>
    page.evaluate<string>("document.activeElement.id || document.activeElement.className");
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "pause");
  await page.keyboard.press("Enter");
  assert.equal(await page.locator("#pause").getAttribute("aria-pressed"), "true");
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "theme");
  await page.keyboard.press("Space");
  await page.keyboard.press("Space");
  assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "canvas");
  await page.keyboard.press("ArrowLeft");
  assert.match((await page.locator("#plot-traffic .at").textContent()) ?? "", /^\d+ s ago$/);
});

test("a chosen theme survives a reload of the page", options, async (t) => {
  const { page } = await watch(t, { colorScheme: "dark" });
  const background = (): Promise<string> =>
    page.evaluate<string>("getComputedStyle(document.body).backgroundColor");
  const dark = await background();
  await page.locator("#theme").click();
  const light = await background();
  assert.notEqual(light, dark);
  await page.reload();
  assert.equal(await background(), light);
});

test("no element moves when numbers grow", options, async (t) => {
  const { page, sidecar } = await watch(t);
  const places = (): Promise<unknown> =>
    page.evaluate(
      "Array.from(document.querySelectorAll('.tile, .panel, .panel h2, .split li, .numbers > *'), (one) => { const { x, y, width } = one.getBoundingClientRect(); return [x, y, width].join(); })",
    );
  await head(sidecar, "/first");
  await page.locator("#last-heads tr", { hasText: "/first" }).waitFor();
  const placesBefore = await places();
  await Promise.all(Array.from({ length: 120 }, (_, index) => head(sidecar, `/${index}`)));
  await page.locator("#heads", { hasText: "121" }).waitFor();
  assert.deepEqual(await places(), placesBefore);
});
