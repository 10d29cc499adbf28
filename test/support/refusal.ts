/** Asserts refusals of rules. */

import assert from "node:assert/strict";

import { type ErrorCode, ProxyError } from "../../src/http/errors.ts";

/** Asserts that `rule` throws a ProxyError with that status and code. */
export function refuses(
  rule: () => unknown,
  status: number,
  code: ErrorCode = "http_request_error",
): void {
  assert.throws(rule, (error) => {
    assert.ok(error instanceof ProxyError, `not a ProxyError: ${String(error)}`);
    assert.deepEqual([error.status, error.code], [status, code]);
    return true;
  });
}
