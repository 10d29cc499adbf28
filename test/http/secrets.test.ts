import assert from "node:assert/strict";
import test from "node:test";

import { hideInLine, hideInMessage } from "../../src/http/secrets.ts";

// Symptom: an excerpt showed the password of `http://u:p aSECRET@a:1`. Root cause: userinfo was looked for in single words.
// Fix: what stands between `://` and the last @ of a line is hidden.
test("a password with spaces is hidden, in a line of a file and in a message", () => {
  for (const text of ["upstream: http://u:p aSECRET@a:1", 'x: "https://u:a b c SECRET@a"'])
    for (const hide of [hideInLine, hideInMessage]) assert.doesNotMatch(hide(text), /SECRET/, text);
});
