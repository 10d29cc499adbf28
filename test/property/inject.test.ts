/** inject over manifests in layouts drawn at random. */

import assert from "node:assert/strict";
import test from "node:test";
import { isDeepStrictEqual } from "node:util";

import { injectInto } from "../../src/cli/inject/inject.ts";
import { ConfigError } from "../../src/config/diagnostic.ts";
import {
  OPTIONS,
  WITH_FILE,
  injected,
  objectsOf,
  removed,
  withoutHeadgate,
} from "../support/inject.ts";
import { fc } from "../support/property.ts";
import { drawManifest } from "../support/random-manifest.ts";
import { isSubsequence } from "../support/subsequence.ts";

const manifest = fc.array(fc.nat({ max: 59 }), { maxLength: 300, size: "max" }).map(drawManifest);
const options = fc.record({ isNative: fc.boolean(), hasFile: fc.boolean() });

/** The only reasons for which inject may refuse such a manifest. */
const REFUSED = /no place for a ConfigMap|block text without a line end|never complete/;

test("inject and then remove restores the bytes, inject twice equals inject once, and only headgate is new", () => {
  let done = 0;
  fc.assert(
    fc.property(manifest, options, (text, { isNative, hasFile }) => {
      const given = { ...(hasFile ? WITH_FILE : OPTIONS), isNative };
      let after: string;
      try {
        after = injected(text, given);
      } catch (error) {
        assert.ok(error instanceof ConfigError && REFUSED.test(error.message), String(error));
        return;
      }
      done++;
      assert.equal(removed(after), text);
      assert.equal(injected(after, given), after);
      assert.ok(
        isDeepStrictEqual(withoutHeadgate(objectsOf(after)), withoutHeadgate(objectsOf(text))),
        "means the same",
      );
      // All bytes stay, except those of values that changed.
      const kept = text.replaceAll(
        /targetPort(?:"|')?: *(?:8000|"?http"?)|(?<=:) ?(?:null|~)/g,
        "",
      );
      assert.ok(isSubsequence(kept, after), "every other byte stays");
    }),
    { numRuns: 60 },
  );
  assert.ok(done > 25, `${done} were injected`);
});

test("a text that is no manifest is refused or stays unchanged, and nothing else is thrown", () => {
  const word = fc.constantFrom(
    "a",
    ":",
    " ",
    "\n",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "&x ",
    "*x",
    "|",
    "#",
    "'",
    '"',
    "kind: Pod\n",
    "apiVersion: v1\n",
    "spec:\n",
    "  containers:\n",
    "metadata: {}\n",
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 30 }), (words) => {
      const text = words.join("");
      try {
        assert.equal(injectInto([{ name: "f", text }], OPTIONS).files[0]?.text, text);
      } catch (error) {
        assert.ok(error instanceof ConfigError, String(error));
      }
    }),
    { numRuns: 120 },
  );
});
