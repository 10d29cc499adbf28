/** Starts a real Chromium, if there is one. */

import { existsSync } from "node:fs";

import { chromium, type Browser } from "playwright-core";

/** Debian's path; the environment variable CHROMIUM overrides it. */
const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

/** Why tests in a browser are skipped here; false if they run. */
export const withoutBrowser: string | false = existsSync(CHROMIUM)
  ? false
  : `there is no ${CHROMIUM} (Debian's package chromium; CHROMIUM names another place)`;

/** Starts a browser. This takes a second, so all tests of a file share one. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    // Containers have neither user namespaces nor a large /dev/shm; the browser opens only our own page.
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  });
}
