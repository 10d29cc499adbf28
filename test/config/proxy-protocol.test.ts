import assert from "node:assert/strict";
import test from "node:test";

import { loadText, problemsOf } from "../support/route-file.ts";

const UPSTREAM = "upstream: http://app\n";
const NEEDS = "needs forwarded.trust, which says who may send such headers; ";

test("proxyProtocol is true, false or optional, and false where it is left out", async (t) => {
  for (const [written, expected] of [
    ["proxyProtocol: true", true],
    ["proxyProtocol: false", false],
    ["proxyProtocol: optional", "optional"],
    ["http2: false", false],
  ] as const) {
    const { config } = await loadText(t, `${UPSTREAM}listen: { address: :80, ${written} }`);
    assert.equal(config.listen[0]?.proxyProtocol, expected, written);
  }
  const [problem] = await problemsOf(
    loadText(t, `${UPSTREAM}listen: { address: :80, proxyProtocol: on }`),
  );
  assert.match(problem?.message ?? "", /true, false or optional.*did you mean true\?/);
});

test("a header that no peer may send is a problem at its listener", async (t) => {
  for (const [forwarded, reason] of [
    ["off", "forwarded is off"],
    ["{ trust: [] }", "it is empty"],
  ]) {
    for (const mode of ["true", "optional"]) {
      const listen = `listen:\n  - :80\n  - address: :81\n    proxyProtocol: ${mode}\n`;
      const problems = await problemsOf(
        loadText(t, `${UPSTREAM}forwarded: ${forwarded}\n${listen}`),
      );
      assert.deepEqual(
        problems.map(({ line, key, message }) => [line, key, message]),
        [[6, "listen[1].proxyProtocol", `${NEEDS}${reason}`]],
      );
    }
  }
});

test("all peers of a unix socket may send one", async (t) => {
  const listen = 'listen: { address: "unix:/run/headgate.sock", proxyProtocol: true }\n';
  await loadText(t, `${UPSTREAM}forwarded: { trust: [] }\n${listen}`);
  const problems = await problemsOf(loadText(t, `${UPSTREAM}forwarded: off\n${listen}`));
  assert.equal(problems[0]?.key, "listen.proxyProtocol");
});
