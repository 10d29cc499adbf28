/** The look of the status page in a real browser: light, dark, narrow, empty, failing and lost. */

import assert from "node:assert/strict";
import test, { type TestContext, before } from "node:test";

import type { Browser, BrowserContextOptions, Page } from "playwright-core";

import { HEAD_OUTCOME_NAMES } from "../../src/http/head-outcomes.ts";
import { toHead } from "../support/responses.ts";
import { type Edited, startEdited } from "../support/binary.ts";
import { openBrowser, withoutBrowser } from "../support/browser.ts";
import { contrastOf, distanceOf, lightnessOf, parseColour } from "../support/colour.ts";
import { startOrigin } from "../support/origin.ts";
import { findCut, findPainted, glanceAt, openStatusPage } from "../support/status-page.ts";

const options = { skip: withoutBrowser, timeout: 120_000 };

let browser: Browser | undefined;
before(async () => {
  if (withoutBrowser === false) browser = await openBrowser();
});

const LONG = "a-name-that-somebody-thought-would-tell-everything-about-it";
const WIDE = { width: 1280, height: 800 };
const NARROW = { width: 360, height: 740 };

/** A headgate with long names: one upstream that serves, one that refuses. */
async function start(t: TestContext): Promise<Edited & { readonly yaml: string }> {
  const origin = await startOrigin(t, (request) => {
    const length = request.target.startsWith("/large") ? 5_000_000 : 0;
    request.write(toHead("200 OK", [`Content-Length: ${length}`]));
  });
  const yaml = [
    "log: { access: errors }",
    `upstream: ${origin.url}`,
    `upstreams: { ${LONG}: "http://[::1]:1" }`,
    `routes: [{ path: "/${LONG}/{id}/${LONG}/*", upstream: ${LONG} }, { path: /pass/*, head: pass }]`,
    "",
  ].join("\n");
  return { ...(await startEdited(t, yaml)), yaml };
}

/** Requests of several kinds, and then one that fails. */
async function makeFail(headgate: Edited): Promise<void> {
  const paths = ["/ok", "/large", "/pass/x", `/${"long-path/".repeat(40)}`, `/${LONG}/7/${LONG}/x`];
  for (const path of paths)
    await fetch(`http://127.0.0.1:${headgate.port}${path}?token=secret`, { method: "HEAD" });
}

/** The page in each state, in turn. */
async function visit(
  t: TestContext,
  context: BrowserContextOptions,
  look: (page: Page, state: "empty" | "failing" | "refused" | "lost") => Promise<void>,
): Promise<void> {
  const headgate = await start(t);
  // Elements in transition have no look to measure.
  const still: BrowserContextOptions = { ...context, reducedMotion: "reduce" };
  const { page, complaints } = await openStatusPage(t, browser, headgate.adminPort, still);
  await glanceAt(page, "good");
  await look(page, "empty");
  await makeFail(headgate);
  await glanceAt(page, "bad");
  await page.locator("#last-heads tr", { hasText: LONG }).waitFor();
  await look(page, "failing");
  await headgate.edit(headgate.yaml.replace("upstreams:", "upsteams:").replace("pass }", "pss }"));
  await page.locator("#reasons li", { hasText: "reload" }).waitFor();
  await look(page, "refused");
  assert.deepEqual(complaints, []);
  headgate.child.kill("SIGKILL");
  await glanceAt(page, "lost");
  await look(page, "lost");
}

/** The screens by their name. Each is visited once, because a visit costs a headgate and a page. */
const SCREENS = {
  light: { viewport: WIDE, colorScheme: "light" },
  dark: { viewport: WIDE, colorScheme: "dark" },
  narrow: { viewport: NARROW, colorScheme: "light" },
} as const;

const outlines = new Map<string, readonly string[]>();
const pills = new Map<string, string>();
const backgrounds = new Set<string>();

for (const [name, context] of Object.entries(SCREENS)) {
  test(`the look of a ${name} screen`, options, async (t) => {
    await visit(t, context, async (page, state) => {
      const check = (title: string, run: () => Promise<void>): Promise<void> =>
        t.test(`${state}: ${title}`, run);
      if (context.viewport === NARROW) await check("nothing is cut", () => assertNothingCut(page));
      else {
        await check("texts have the contrast of WCAG AA", () => assertContrast(page));
        await check("every figure names its period", () => assertPeriods(page));
      }
      if (state === "empty" && context.viewport === WIDE) {
        await check("the parts of a bar differ, also for the colour-blind", () => assertBars(page));
        await check("the curves of a plot differ in colour and dashes", () => assertCurves(page));
      }
      const screen = `${name} ${state}`;
      outlines.set(screen, await outlineOf(page));
      pills.set(screen, (await page.locator("#state").screenshot()).toString("base64"));
      for (const one of await evaluateAll<string>(page, "body", "style.backgroundColor"))
        backgrounds.add(one);
      if (state === "empty") return;
      await check("a fault is visible without scrolling", async () => {
        const shown = await page.locator(state === "lost" ? "#notice" : "#reasons").boundingBox();
        assert.ok(shown !== null && shown.y + shown.height <= context.viewport.height);
      });
    });
  });
}

test("the screens have the same parts, and each state has a pill of its own", options, () => {
  assert.equal(outlines.size, 12);
  const [first] = outlines.values();
  assert.ok((first?.length ?? 0) > 20);
  for (const [screen, outline] of outlines)
    if (!screen.startsWith("narrow")) assert.deepEqual(outline, first, screen);
  assert.equal(backgrounds.size, 2, "one for light, one for dark");
  for (const name of Object.keys(SCREENS)) {
    const own = [...pills].filter(([screen]) => screen.startsWith(name)).map(([, pill]) => pill);
    assert.equal(new Set(own).size, 4, `${name}: no state's pill looks like another's`);
  }
});

async function assertNothingCut(page: Page): Promise<void> {
  assert.deepEqual(await findCut(page), []);
  assert.equal(await page.evaluate("document.documentElement.scrollWidth"), 360);
  // One column: every panel is as wide as every other.
  const widths = await evaluateAll<number>(page, ".panel", "one.getBoundingClientRect().width");
  assert.equal(new Set(widths).size, 1);
}

async function assertContrast(page: Page): Promise<void> {
  const painted = await findPainted(page);
  assert.ok(painted.length > 60);
  const weak = painted.flatMap(({ text, color, background, least }) => {
    const contrast = contrastOf(color, background);
    return contrast >= least ? [] : [`${text}: ${contrast.toFixed(2)}`];
  });
  assert.deepEqual(weak, []);
}

async function assertPeriods(page: Page): Promise<void> {
  const texts = (selector: string): Promise<string[]> => page.locator(selector).allInnerTexts();
  const windows = await texts(".tile p + small");
  assert.equal(windows.length, 6);
  for (const window of windows)
    assert.match(window, /^(?:last second|last \d+ s|since start|now)$/);
  const headings = await texts("section.panel h2 small");
  assert.equal(headings.length, 7);
  for (const heading of headings) assert.match(heading, /since start \d+ s ago|the last/);
  for (const legend of await texts(".plot .at")) assert.equal(legend, "last second");
  assert.match((await texts(".uptime"))[0] ?? "", /^started \d+ s ago$/);
  const facts = await texts(".facts div");
  for (const fact of facts.filter((one) => /^(?:Loaded|Last reload|Log lines)/.test(one)))
    assert.match(fact, /ago|none yet|since start/);
}

async function assertBars(page: Page): Promise<void> {
  for (const [bar, parts] of [
    ["outcomes", HEAD_OUTCOME_NAMES.length + 1],
    ["bodies", 3],
  ] as const) {
    const looks = await looksOf(page, `#${bar} .bar span`);
    assert.deepEqual(looks, await looksOf(page, `#${bar} .legend i`), "the legend is the bar's");
    assert.equal(looks.length, parts);
    const [panel] = await looksOf(page, ".panel");
    for (const [index, one] of looks.entries()) {
      assert.ok(contrastOf(one.colour, panel?.colour ?? [0, 0, 0]) >= 3, `${bar} ${index}`);
      for (const [other, its] of looks.slice(0, index).entries())
        assert.ok(distanceOf(one.colour, its.colour) >= 20, `${bar} ${other} and ${index}`);
      const next = looks[(index + 1) % looks.length] ?? one;
      const inGrey = Math.abs(lightnessOf(one.colour) - lightnessOf(next.colour));
      assert.ok(one.pattern !== next.pattern || inGrey >= 10, `${bar} ${index} and the next`);
    }
  }
}

async function assertCurves(page: Page): Promise<void> {
  for (const plot of ["traffic", "latency"]) {
    const curves = `#plot-${plot} .curve`;
    await page.locator(curves).first().waitFor({ state: "attached" });
    const dashes = await evaluateAll<string>(page, curves, "style.strokeDasharray");
    assert.equal(new Set(dashes).size, dashes.length);
    const strokes = await evaluateAll<string>(page, curves, "style.stroke");
    const colours = strokes.map(parseColour);
    for (const [index, one] of colours.entries())
      for (const other of colours.slice(0, index)) assert.ok(distanceOf(one, other) >= 15, plot);
  }
}

/** The value of an expression over each element, `one`, and its computed `style`. */
function evaluateAll<T>(page: Page, selector: string, expression: string): Promise<T[]> {
  return page.evaluate<T[]>(
    `Array.from(document.querySelectorAll(${JSON.stringify(selector)}), (one) => { const style = getComputedStyle(one); return ${expression}; })`,
  );
}

/** Each element's colour and pattern. */
async function looksOf(page: Page, selector: string) {
  const found = await evaluateAll<{ readonly colour: string; readonly pattern: string }>(
    page,
    selector,
    "({ colour: style.backgroundColor, pattern: style.backgroundImage })",
  );
  return found.map(({ colour, pattern }) => ({ colour: parseColour(colour), pattern }));
}

/** The parts of the page in their order, without figures. */
function outlineOf(page: Page): Promise<string[]> {
  return evaluateAll<string>(
    page,
    "header > *, main > section, main h2, main h3, dt",
    "one.tagName + '#' + one.id + ' ' + (one.matches('h2, h3, dt') ? one.firstChild.data : '') + (style.display === 'none' ? 'hidden' : '')",
  );
}
