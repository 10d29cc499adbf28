/** The status page: one HTML document that loads nothing from other servers. */

import { createHash } from "node:crypto";

import PAGE from "./page/page.html";

/** The page's HTML and its response fields. */
export interface StatusPage {
  readonly body: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** Returns the page, with a Content-Security-Policy that allows only its own style and script. */
export function createStatusPage(): StatusPage {
  return {
    body: PAGE,
    fields: {
      "Content-Security-Policy": toPolicy(),
      "Referrer-Policy": "no-referrer",
      "Cross-Origin-Opener-Policy": "same-origin",
      "Cross-Origin-Resource-Policy": "same-origin",
    },
  };
}

/**
 * The page shows paths and methods that any client can choose. The script inserts them as text only. If it has a bug there, this policy
 * still protects the operator: the browser runs no inline code, sends no data to other servers, and parses no string as HTML (Trusted
 * Types).
 */
function toPolicy(): string {
  return [
    "default-src 'none'",
    `script-src '${toHash("script")}'`,
    `style-src '${toHash("style")}'`,
    "img-src data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");
}

/** Returns the hash of an element's content (Content Security Policy Level 3, §6.7.3.3). */
function toHash(tag: "script" | "style"): string {
  const content = PAGE.slice(PAGE.indexOf(`<${tag}>`) + tag.length + 2, PAGE.indexOf(`</${tag}>`));
  return `sha256-${createHash("sha256").update(content).digest("base64")}`;
}
