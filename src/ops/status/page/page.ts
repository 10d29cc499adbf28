/** The status page: one HTML document that asks nothing of any other server. */

import { createHash } from "node:crypto";

import { MARKUP } from "./markup.ts";
import { SCRIPT } from "./script.ts";
import { STYLE } from "./style.ts";

export interface StatusPage {
  readonly body: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** Puts the page together, with the policy under which only its own style and script run. */
export function createStatusPage(): StatusPage {
  return {
    body: MARKUP.replace("/*STYLE*/", () => STYLE).replace("/*SCRIPT*/", () => SCRIPT),
    fields: {
      "Content-Security-Policy": toPolicy(),
      "Referrer-Policy": "no-referrer",
      "Cross-Origin-Opener-Policy": "same-origin",
      "Cross-Origin-Resource-Policy": "same-origin",
    },
  };
}

/**
 * What strangers send (paths, methods) is on this page. It is only ever set as text; should that be forgotten once, there is
 * no inline code that would run, no place to send anything to, and no way to parse a string as HTML (Trusted Types).
 */
function toPolicy(): string {
  return [
    "default-src 'none'",
    `script-src '${toHash(SCRIPT)}'`,
    `style-src '${toHash(STYLE)}'`,
    "img-src data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");
}

function toHash(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64")}`;
}
