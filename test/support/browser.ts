/** Starts a real Chromium, if there is one. */

import { existsSync } from "node:fs";

import { after } from "node:test";

import { chromium, type Browser } from "playwright-core";

/** Debian's path; the environment variable CHROMIUM overrides it. */
const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

/** Why tests in a browser are skipped here; false if they run. */
export const withoutBrowser: string | false = existsSync(CHROMIUM)
  ? false
  : `there is no ${CHROMIUM} (Debian's package chromium; CHROMIUM names another place)`;

let browser: Promise<Browser> | undefined;
// At the load of this module: within a test it would be the end of that test.
after(async () => (await browser)?.close());

/** The browser of this process, for all of its tests: starting one takes half a second of CPU. The end of all tests closes it. */
export function openBrowser(): Promise<Browser> {
  browser ??= launch();
  return browser;
}

function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    // Containers have neither user namespaces nor a large /dev/shm; the browser opens only our own page.
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  });
}
