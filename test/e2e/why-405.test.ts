// Each fix that docs/why-405.md has for the app makes a HEAD of /health a 200 with the GET's length.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { root } from "../support/manifests.ts";
import { PYTHON, runClient, testReal } from "../support/real.ts";

const PAGE = readFileSync(join(root, "docs/why-405.md"), "utf8");

/** Runs each app of the list on standard input, and prints the status and length of its response to HEAD /health. */
const SCRIPT = `
import asyncio, json, sys

def head(code):
    names = {}
    exec(code, names)
    sent = []
    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}
    async def send(message):
        sent.append(message)
    scope = {"type": "http", "http_version": "1.1", "method": "HEAD", "scheme": "http", "path": "/health", "raw_path": b"/health",
             "query_string": b"", "root_path": "", "headers": [], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80)}
    asyncio.run(names["app"](scope, receive, send))
    fields = dict(sent[0]["headers"])
    return [sent[0]["status"], fields[b"content-length"].decode()]

print(json.dumps([head(code) for code in json.load(sys.stdin)]))
`;

testReal(
  "docs/why-405.md: each fix in the app gives HEAD the response of GET",
  { "python:fastapi": "python3-fastapi" },
  async () => {
    const [app = "", ...fixes] = [...PAGE.matchAll(/^```python\n(.*?)^```$/gms)].map(
      ([, code = ""]) => code,
    );
    assert.equal(fixes.length, 4);
    const [start = ""] = app.split("\n\n\n");
    // A fix for all routes comes to the app as it is; one for a route comes in the place of the route.
    const fixed = fixes.map((fix) => `${fix.includes("/health") ? start : app}\n${fix}`);
    const input = JSON.stringify([app, ...fixed]);
    const printed = await runClient([PYTHON, "-c", SCRIPT], { input });
    const served = [200, "15"];
    assert.deepEqual(JSON.parse(printed), [[405, "31"], served, served, served, served]);
  },
);
