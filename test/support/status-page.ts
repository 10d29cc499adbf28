/** Opens the status page of a running headgate in a real browser, and measures it. */

import assert from "node:assert/strict";
import type { TestContext } from "node:test";

import type { Browser, BrowserContextOptions, Page } from "playwright-core";

/** A page in the browser that the tests of a file share. */
export interface OpenedPage {
  readonly page: Page;
  /** The errors that the page reported, including violations of the content security policy. */
  readonly complaints: readonly string[];
}

/** Opens the page of the headgate with this admin port and waits for its first figures. */
export async function openStatusPage(
  t: TestContext,
  browser: Browser | undefined,
  adminPort: number,
  context: BrowserContextOptions = {},
): Promise<OpenedPage> {
  assert.ok(browser);
  const page = await browser.newPage(context);
  t.after(() => page.close());
  const complaints: string[] = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.goto(`http://127.0.0.1:${adminPort}/`);
  await page.locator("body:not(.waiting)").waitFor();
  return { page, complaints };
}

/** The page's main state, as the window and the tab show it. */
export interface Glance {
  readonly pill: string;
  readonly className: string;
  /** The pill's mark; it does not depend on colour. */
  readonly mark: string;
  readonly title: string;
  readonly icon: string;
  readonly reasons: readonly string[];
}

/** Reads the state once the pill has this class. */
export async function glanceAt(page: Page, className: string): Promise<Glance> {
  await page.locator(`#state.${className}`).waitFor();
  return page.evaluate<Glance>(`(() => {
    const pill = document.getElementById("state"), mark = getComputedStyle(pill, "::before");
    return {
      pill: pill.textContent,
      className: pill.className,
      mark: [mark.clipPath, mark.borderTopStyle, mark.borderTopLeftRadius].join(" "),
      title: document.title,
      icon: document.querySelector("link[rel=icon]").href,
      reasons: Array.from(document.querySelectorAll("#reasons li"), (one) => one.textContent),
    };
  })()`);
}

/** Texts and boxes that a narrow screen cuts off, each as a short description. Empty if all are visible. */
export function findCut(page: Page): Promise<readonly string[]> {
  return page.evaluate<string[]>(`(() => {
    const width = document.documentElement.clientWidth, cut = [];
    const isHidden = (one) => one.closest(".hidden, thead, script, style, noscript, title") !== null;
    const name = (one) => one.tagName + "." + one.className + "#" + one.id + " " + one.textContent.slice(0, 60);
    for (const one of document.body.querySelectorAll("*")) {
      const box = one.getBoundingClientRect();
      if (isHidden(one) || box.width === 0 || one.closest("svg") !== null) continue;
      if (box.right > width + 0.5 || box.left < -0.5) cut.push("outside: " + name(one));
      if (getComputedStyle(one).overflowX !== "visible" && one.scrollWidth > one.clientWidth + 1) cut.push("cut: " + name(one));
    }
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), range = document.createRange();
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const parent = node.parentElement, around = parent.closest(".panel, .tile, .notice, .pill, button, td, header");
      if (node.data.trim() === "" || isHidden(parent) || around === null) continue;
      range.selectNodeContents(node);
      const box = around.getBoundingClientRect();
      for (const part of range.getClientRects())
        if (part.right > box.right + 1 || part.left < box.left - 1) cut.push("spilled: " + name(parent));
    }
    return cut;
  })()`);
}

/** A text's colour on its background, as [red, green, blue] from 0 to 1, with the minimum contrast that WCAG requires for it. */
export interface Painted {
  readonly text: string;
  readonly color: readonly [number, number, number];
  readonly background: readonly [number, number, number];
  readonly least: number;
}

/** All visible texts with their colours, including the grey of a page that has lost its connection. */
export function findPainted(page: Page): Promise<readonly Painted[]> {
  return page.evaluate<Painted[]>(`(() => {
    const parse = (value) => {
      const numbers = value.match(/-?[\\d.]+(?:e-?\\d+)?/g).map(Number);
      const scale = value.startsWith("color(") ? 1 : 255;
      return { rgb: numbers.slice(0, 3).map((one) => one / scale), alpha: numbers[3] ?? 1 };
    };
    const toBackground = (one) => {
      if (one === null) return [1, 1, 1];
      const { rgb, alpha } = parse(getComputedStyle(one).backgroundColor);
      if (alpha === 1) return rgb;
      const below = toBackground(one.parentElement);
      return rgb.map((value, index) => value * alpha + below[index] * (1 - alpha));
    };
    const toGrey = ([r, g, b]) => Array(3).fill(0.2126 * r + 0.7152 * g + 0.0722 * b);
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const parent = node.parentElement, style = getComputedStyle(parent);
      if (node.data.trim() === "" || parent.closest(".hidden, script, style, noscript, [hidden]") !== null) continue;
      const size = parseFloat(style.fontSize), isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
      const shown = parent.closest(".stale main") === null ? (one) => one : toGrey;
      found.push({
        text: node.data.trim().slice(0, 60),
        color: shown(parse(style.color).rgb),
        background: shown(toBackground(parent)),
        least: isLarge ? 3 : 4.5,
      });
    }
    return found;
  })()`);
}
