import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { BASE, startBinary, startEdited } from "../support/binary.ts";
import { makeDirectory } from "../support/route-file.ts";

const UPSTREAM = "upstream: http://127.0.0.1:9\n";

async function ask(port: number, init: RequestInit = { method: "POST" }) {
  const answer = await fetch(`http://127.0.0.1:${port}/reload`, init);
  return { status: answer.status, allow: answer.headers.get("allow"), text: await answer.text() };
}

test("POST /reload on a loopback admin port reads the file and returns the result", async (t) => {
  const { adminPort, file } = await startEdited(t, UPSTREAM);
  writeFileSync(file, `${BASE}${UPSTREAM}head: pass\n`);
  const good = await ask(adminPort);
  assert.deepEqual([good.status, good.text], [200, `reloaded ${file}\n`]);

  writeFileSync(file, `${BASE}${UPSTREAM}head: pas\nlimit: {}\n`);
  const bad = await ask(adminPort);
  assert.equal(bad.status, 422);
  assert.match(bad.text, /routes\.yaml:4:7 head: .*did you mean/s);
  assert.match(bad.text, /routes\.yaml:5:1 limit: /);
});

test("only POST reloads, and no page in a browser can trigger it", async (t) => {
  const headgate = await startEdited(t, UPSTREAM);
  const get = await ask(headgate.adminPort, { method: "GET" });
  assert.deepEqual([get.status, get.allow], [405, "POST"]);
  const headers = { origin: "http://127.0.0.1:3000" };
  const page = await ask(headgate.adminPort, { method: "POST", headers });
  assert.equal(page.status, 403);
  assert.equal(await headgate.metric('headgate_config_reloads_total{result="success"}'), 0);
});

test("an admin port that others can reach does not reload", async (t) => {
  const cwd = await makeDirectory(t, {
    "routes.yaml": `listen: 127.0.0.1:0\nadmin: 0.0.0.0:0\n${UPSTREAM}`,
  });
  const args = ["run", "--config", join(cwd, "routes.yaml")];
  const { adminPort } = await startBinary(t, { args });
  const answer = await ask(adminPort);
  assert.equal(answer.status, 403);
  assert.match(answer.text, /loopback/);
});

// The text said that the port has to be on loopback, although it was.
test("at its default address the admin port does not reload, and the response names what is missing", async (t) => {
  const cwd = await makeDirectory(t, { "routes.yaml": `listen: 127.0.0.1:0\n${UPSTREAM}` });
  const args = ["run", "--config", join(cwd, "routes.yaml")];
  const env = { HEADGATE_ADMIN_DEFAULT: "127.0.0.1:0" };
  const { adminPort } = await startBinary(t, { args, env });
  const answer = await ask(adminPort);
  assert.equal(answer.status, 403);
  assert.match(
    answer.text,
    /loopback address for admin in the route file, HEADGATE_ADMIN or --admin/,
  );
});

test("without a route file there is nothing to reload", async (t) => {
  const args = ["run", "--upstream", "http://127.0.0.1:9", "--listen", "127.0.0.1:0"];
  const { adminPort } = await startBinary(t, { args: [...args, "--admin", "127.0.0.1:0"] });
  assert.equal((await ask(adminPort)).status, 403);
});

test("reloads that are requested at the same time all get a response, and share the work", async (t) => {
  const headgate = await startEdited(t, UPSTREAM);
  const answers = await Promise.all(Array.from({ length: 50 }, () => ask(headgate.adminPort)));
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  const reloads = await headgate.metric('headgate_config_reloads_total{result="success"}');
  assert.ok(reloads >= 1 && reloads < 50, `${reloads} reloads`);
});
