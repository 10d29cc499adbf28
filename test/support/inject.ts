/** inject as a function of text, for tests. */

import assert from "node:assert/strict";

import {
  type InjectOptions,
  type Outcome,
  injectInto,
  removeFrom,
} from "../../src/cli/inject/kubernetes.ts";
import { DEFAULTS } from "../../src/cli/inject/settings.ts";
import { ConfigError } from "../../src/config/problem.ts";

export const OPTIONS: InjectOptions = {
  port: undefined,
  upstreamPort: undefined,
  image: "ghcr.io/headgate/headgate:0.1.0",
  isNative: true,
  settings: DEFAULTS,
  only: new Set(),
  routeFile: undefined,
};

/** With a route file, and so with a volume and a ConfigMap. */
export const WITH_FILE: InjectOptions = {
  ...OPTIONS,
  routeFile: { text: "# Mine.\nroutes:\n  - { path: /files/*, head: pass }\n", hasUpstream: false },
};

/** The text with headgate in it. */
export function injected(text: string, options: InjectOptions = OPTIONS): string {
  return textOf(injectInto([{ name: "f.yaml", text }], options));
}

/** The text without it. */
export function removed(text: string): string {
  return textOf(removeFrom([{ name: "f.yaml", text }]));
}

function textOf({ files }: Outcome): string {
  assert.equal(files.length, 1);
  return files[0]?.text ?? "";
}

/** The message by which a text is refused. */
export function refusal(text: string, options: InjectOptions = OPTIONS): string {
  try {
    injected(text, options);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.message;
  }
  return assert.fail("it is injected");
}
