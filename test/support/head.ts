/** Builds a HeadConfig by the schema, so that a test sets only the options that it is about. */

import assert from "node:assert/strict";

import { parseRawConfig } from "../../src/config/schema/file.ts";
import type { HeadConfig } from "../../src/config/schema/head.ts";

/** `written` is the value of `head:`, a mode or a mapping. */
export function toHeadConfig(written: unknown = {}): HeadConfig {
  const { raw: file, diagnostics } = parseRawConfig({ upstream: "http://app", head: written });
  return file?.head ?? assert.fail(JSON.stringify(diagnostics));
}
