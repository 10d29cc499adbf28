/** A real Chromium, where there is one. */

import { existsSync } from "node:fs";

import { chromium, type Browser } from "playwright-core";

/** Debian's place for it; CHROMIUM names another. */
const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

/** Why tests in a browser are left out here; false where they run. */
export const withoutBrowser: string | false = existsSync(CHROMIUM)
  ? false
  : `there is no ${CHROMIUM} (Debian's package chromium; CHROMIUM names another place)`;

/** Starts a browser: a second's work, so one serves all tests of a file. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    // Containers offer neither user namespaces nor a large /dev/shm; what is opened here is our own page.
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  });
}
