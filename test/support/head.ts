/** How a HEAD is answered, as the schema makes it of what is written: a test names only what it is about. */

import assert from "node:assert/strict";

import type { HeadConfig } from "../../src/config/types.ts";
import { parseRawConfig } from "../../src/config/schema/file.ts";

/** `written` is what stands under `head:`, a mode or a mapping. */
export function toHeadConfig(written: unknown = {}): HeadConfig {
  const { raw: file, diagnostics } = parseRawConfig({ upstream: "http://app", head: written });
  return file?.head ?? assert.fail(JSON.stringify(diagnostics));
}
