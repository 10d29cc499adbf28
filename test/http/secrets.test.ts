import assert from "node:assert/strict";
import test from "node:test";

import { hideFieldValue, hideInLine, hideInMessage } from "../../src/http/secrets.ts";

// Symptom: an excerpt showed the password of `http://u:p aSECRET@a:1`. Root cause: userinfo was looked for in single words.
// Fix: what stands between `://` and the last @ of a line is hidden.
test("a password with spaces is hidden, in a line of a file and in a message", () => {
  for (const text of ["upstream: http://u:p aSECRET@a:1", 'x: "https://u:a b c SECRET@a"'])
    for (const hide of [hideInLine, hideInMessage]) assert.doesNotMatch(hide(text), /SECRET/, text);
});

// Symptom: the query of `Location: /a?next=/b&back to=SECRET` was shown behind its space, and the token in a fragment was shown as a whole.
// Root cause: a query was looked for in single words, and a fragment not at all. Fix: a field that is one URL is cut behind its path.
test("the query and the fragment of a redirect are hidden to the end", () => {
  const hide = (value: string) => hideFieldValue("Location", value);
  assert.equal(hide("/a?next=/b&back to=SECRET"), "/a?<hidden>");
  assert.equal(
    hide("https://app.example/cb#access_token=SECRET"),
    "https://app.example/cb#<hidden>",
  );
  assert.equal(
    hide("https://u:SECRET@app.example/a#b?c"),
    "https://<hidden>@app.example/a#<hidden>",
  );
  assert.equal(hide("/a?"), "/a?");
});

// Symptom: a line of 2,000 characters took 0.2 s, and a field of 20,000 never ended. Root cause: a pattern with two repetitions began anew at
// each `://`. Fix: two searches.
test("hiding passwords in a long text with many URLs and an early @ ends", () => {
  const text = `@${"://a ".repeat(20_000)}`;
  assert.equal(hideFieldValue("location", text), text);
});

// Symptom: check showed `clientAuth: ***********` under a mistake in the line of a listener's tls, with everything behind it hidden.
// Root cause: names with "auth" count as secret. Fix: clientAuth is a choice between two words, so it is shown, as the path in `key` is.
test("clientAuth is no secret, and what stands behind it is still searched", () => {
  const line = "tls: { cert: a.crt, key: a.key, clientAuth: sometimes }";
  assert.equal(hideInLine(line), line);
  assert.equal(hideInLine("{ clientAuth: x, token: SECRET"), "{ clientAuth: x, token: ******");
});
