// The verdicts and their words, on handmade responses. Those on real bytes are in test/behaviour/doctor.test.ts.

import assert from "node:assert/strict";
import test from "node:test";

import { advise } from "../../src/cli/doctor/advice.ts";
import { judge } from "../../src/cli/doctor/compare.ts";
import type { Examined } from "../../src/cli/doctor/examine.ts";
import type { Outcome, Response } from "../../src/cli/doctor/raw-connection.ts";
import { compareFields } from "../../src/cli/doctor/field-differences.ts";
import type { Observation } from "../../src/cli/doctor/observation.ts";
import { toNext } from "../../src/cli/doctor/next.ts";
import { formatReport } from "../../src/cli/doctor/report.ts";
import { toPhrases } from "../../src/cli/doctor/words.ts";
import { formatRouteFile } from "../../src/cli/init.ts";
import { loadText } from "../support/route-file.ts";

function response(of: Partial<Response> = {}): { readonly response: Response } {
  return {
    response: {
      status: 200,
      reason: "OK",
      fields: ["Content-Length", "5"],
      headMs: 1,
      endMs: 2,
      contentBytes: 5,
      ended: "complete",
      strayBytes: 0,
      ...of,
    },
  };
}

const REFUSED = response({ status: 405, fields: ["Allow", "GET"] });

function observation(of: Partial<Observation> = {}): Observation {
  const get = of.get ?? response();
  return {
    get,
    again: get,
    head: response({ contentBytes: 0 }),
    isOutOfStep: false,
    range: undefined,
    options: undefined,
    ...of,
  };
}

function examined(pattern: string, of: Partial<Observation> = {}): Examined {
  const direct = observation(of);
  const endpoint = { pattern, target: pattern, shown: pattern, fields: [] };
  return { endpoint, direct, verdict: judge(direct), through: undefined };
}

function ranged(bytes: number): Outcome {
  return response({ status: 206, fields: ["Content-Range", `bytes 0-0/${bytes}`] });
}

test("a HEAD that takes as long as the GET's full content is slow; one that takes as long as its first byte is not", () => {
  const kinds = (get: Partial<Response>, headMs: number) =>
    judge(observation({ get: response(get), head: response({ headMs }) })).faults.map(
      ({ kind }) => kind,
    );
  assert.deepEqual(kinds({ headMs: 10, endMs: 3_000 }, 2_900), ["slow"]);
  assert.deepEqual(kinds({ headMs: 2_900, endMs: 3_000 }, 2_900), []);
  assert.deepEqual(kinds({ headMs: 10, endMs: 3_000 }, 20), []);
  assert.deepEqual(kinds({ headMs: 1, endMs: 150 }, 149), [], "shorter than a network's moods");
  assert.deepEqual(kinds({ headMs: 10, endMs: undefined, ended: "bytes" }, 2_900), []);
});

test("a length is compared with the GET's, or with the counted content", () => {
  const chunked = response({ fields: ["Transfer-Encoding", "chunked"] });
  const head = (length: string) => response({ fields: ["Content-Length", length] });
  const kinds = (of: Partial<Observation>) => judge(observation(of)).faults.map(({ kind }) => kind);
  assert.deepEqual(kinds({ get: chunked, head: head("5") }), []);
  assert.deepEqual(kinds({ get: chunked, head: head("0") }), ["length"]);
  const cut = response({ fields: [], ended: "bytes" });
  assert.deepEqual(kinds({ get: cut, head: head("9") }), [], "the whole is not known");
  const again = response({ fields: ["Content-Length", "6"] });
  assert.deepEqual(kinds({ again, head: head("7") }), [], "it changes by itself");
});

test("a GET that is refused in the meantime is not compared", () => {
  const get = response({ fields: ["Content-Length", "5", "ETag", "a"] });
  const again = response({ status: 429, fields: ["Content-Length", "0"] });
  const head = response({ fields: ["Content-Length", "5"] });
  assert.deepEqual(judge(observation({ get, again, head })).faults.length, 1);
});

test("an Accept-Ranges that headgate adds is no difference if the upstream serves ranges", () => {
  const head = response({ fields: ["Content-Length", "5", "Accept-Ranges", "bytes"] });
  assert.equal(judge(observation({ head })).kind, "differs");
  assert.equal(judge(observation({ head, range: ranged(5) })).kind, "fine");
});

test("repeated fields are compared in order", () => {
  const two = ["Set-Cookie", "a=1", "Link", "</a>", "Link", "</b>"];
  const swapped = ["Link", "</b>", "Link", "</a>", "Set-Cookie", "a=2"];
  assert.deepEqual(
    compareFields(two, two, swapped).map(({ name, kind }) => `${name} ${kind}`),
    ["Link different"],
  );
});

test("ranges, an Allow that contradicts, and OPTIONS are reported in words", () => {
  const phrases = (of: Partial<Observation>) => {
    const seen = observation(of);
    return toPhrases(judge(seen), seen);
  };
  const announcing = response({ fields: ["Content-Length", "5", "Accept-Ranges", "bytes"] });
  assert.deepEqual(phrases({ range: ranged(2 * 1024 ** 3) }), ["same as GET", "ranges of 2.0 GiB"]);
  assert.deepEqual(phrases({ get: announcing, head: announcing, range: announcing }), [
    "same as GET",
    "announces ranges, and ignores Range",
  ]);
  const allow = ["Allow", "GET, head"];
  assert.deepEqual(phrases({ head: response({ status: 405, fields: allow }), options: REFUSED }), [
    "refuses HEAD",
    "its Allow names HEAD",
    "OPTIONS 405, GET",
  ]);
});

const LONG = `/api/v1/organisations/{organisation}/projects/{project}/environments/${"x".repeat(90)}`;

test("the report fits 80 columns, with any texts", () => {
  const difference = response({
    fields: [
      "X-A-Very-Long-Field-Name-Of-Somebody",
      "1",
      "X-B",
      "2",
      "X-C",
      "3",
      "X-D",
      "4",
      "X-E",
      "5",
    ],
  });
  const all = [
    examined("/health", { head: REFUSED }),
    examined(LONG, { head: REFUSED }),
    examined("/b", { head: difference }),
    examined("/c", { head: response({ strayBytes: 123_456_789 }) }),
    examined("/same"),
    examined("/login", { get: response({ status: 401 }), head: response({ status: 401 }) }),
    examined("/d", { get: response({ status: 301, fields: ["Location", `/${"y".repeat(200)}`] }) }),
  ];
  const notTried = [{ shown: LONG, reason: "needs the query parameter q: --param q=…" }];
  const source = `http://127.0.0.1:8000: no OpenAPI document (none at 14 usual paths); name paths behind the URL`;
  const findings = {
    program: "headgate",
    url: "http://127.0.0.1:8000",
    throughUrl: undefined,
    named: [],
    flags: [],
    source,
    notTried,
  };
  for (const colours of ["plain", "colours"] as const) {
    const text = formatReport({ ...findings, examined: all }, colours);
    const lines = text.replaceAll(/\u001b\[\d+m/g, "").split("\n");
    assert.deepEqual(
      lines.filter((line) => line.length > 80),
      [],
    );
    assert.ok(lines.every((line) => line === line.trimEnd()));
  }
});

test("the summary counts, and ends with the next command to type", () => {
  const findings = {
    program: "headgate",
    url: "http://127.0.0.1:8000",
    throughUrl: undefined,
    named: [],
    flags: [],
    source: "x",
    notTried: [],
  };
  const text = (all: readonly Examined[]) => formatReport({ ...findings, examined: all }, "plain");
  const refusing = examined("/a", { head: REFUSED });
  const unknown = examined("/b", {
    get: response({ status: 401 }),
    head: response({ status: 401 }),
  });
  assert.match(
    text([refusing, refusing, examined("/c"), unknown]),
    /\n2 of 4 endpoints refuse HEAD, 1 answers it as GET, 1 could not be compared\.\n\nNext: headgate init http:\/\/127\.0\.0\.1:8000 --output headgate\.yaml\n$/,
  );
  assert.equal(
    toNext({ ...findings, named: ["/a", "/b?c=$(d)"], examined: [refusing] }),
    "headgate init http://127.0.0.1:8000 /a '/b?…' --output headgate.yaml",
  );
  assert.match(text([examined("/c")]), /\n1 of 1 endpoint answers it as GET\.\n$/);
  assert.match(text([]), /No endpoint was tried\./);
  const through = { observation: observation({ head: REFUSED }), verdict: refusing.verdict };
  const hostile = { ...examined("/a';reboot;'"), through };
  assert.equal(
    toNext({ ...findings, throughUrl: "http://h", examined: [hostile] }),
    "headgate explain HEAD '/a%27;reboot;%27' --config FILE",
  );
});

const FIXED = {
  backend: { argument: "the URL", url: "http://127.0.0.1:8000", path: undefined } as const,
  ca: undefined,
  isInsecure: false,
};

/** The route file without its comments, after it has been loaded. */
async function write(t: test.TestContext, all: readonly Examined[]): Promise<string> {
  const text = formatRouteFile(advise(all), FIXED, { source: "x", cwd: "/" });
  await loadText(t, text);
  return text.replaceAll(/^ *#.*\n/gm, "").replaceAll(/\n+/g, "\n");
}

const UPSTREAM = "upstream: http://127.0.0.1:8000\n";

// Symptom: a backend that was overloaded, or limits the rate of requests, "refuses HEAD", and init wrote `convert` for it.
// Root cause: only fields were compared with both GETs; a status of the HEAD's alone counted as its own.
// Fix: 429 says nothing about the method, nor does a status where the two GETs have different ones. 405 and 501 do.
test("a status that comes and goes says nothing about the HEAD", () => {
  const at = (get: number, head: number, again: number) => {
    const [first, second] = [response({ status: get }), response({ status: again })];
    const { kind, reason } = judge(
      observation({ get: first, again: second, head: response({ status: head }) }),
    );
    return [kind, reason];
  };
  assert.deepEqual(at(200, 429, 200), ["unknown", "too many requests (--concurrency 1)"]);
  assert.deepEqual(at(200, 503, 503), ["unknown", "two GETs get 200 and 503"]);
  assert.deepEqual(at(503, 200, 200), ["unknown", "two GETs get 503 and 200"]);
  assert.deepEqual(at(200, 503, 200), ["refused", undefined]);
  assert.deepEqual(at(200, 405, 503), ["refused", undefined]);
  assert.deepEqual(at(200, 204, 200), ["differs", undefined]);
});

test("init: one mode if one fits all", async (t) => {
  const [refused, fine] = [examined("/a", { head: REFUSED }), examined("/b")];
  assert.equal(await write(t, [refused, refused]), `${UPSTREAM}head: convert\n`);
  assert.equal(await write(t, [fine, fine]), `${UPSTREAM}head: pass\n`);
  assert.equal(await write(t, [refused, fine]), `${UPSTREAM}head: auto\n`);
  const hidden = examined("/c", { head: response({ status: 404 }) });
  assert.equal(
    await write(t, [hidden, fine]),
    `${UPSTREAM}head: convert\n`,
    "404 teaches auto nothing",
  );
  assert.equal(await write(t, []), `${UPSTREAM}head: convert\n`);
  assert.match(advise([refused]).reason, /^1 of 1 endpoint refuses HEAD or answers it wrongly: /);
  assert.match(advise([refused, fine]).reason, /^1 of 2 endpoints refuses HEAD with 405 or 501: /);
  assert.match(advise([fine]).reason, /^1 of 1 endpoint answers HEAD as GET: /);
  assert.match(advise([fine, fine]).reason, /^2 of 2 endpoints answer HEAD as GET: /);
});

test("init: a route for each path that needs another mode, with its reason", async (t) => {
  const refused = examined("/a", { head: REFUSED });
  const large = { get: response({ ended: "bytes" }), range: ranged(2 * 1024 ** 3) };
  const tus = response({ status: 412, fields: ["Tus-Version", "1.0.0"] });
  const all = [
    refused,
    examined("/files/{file id}.bin", { ...large, head: REFUSED }),
    examined("/files/{other}", { ...large, head: REFUSED }),
    examined("/native", { ...large, get: response() }),
    examined("/odd", { head: response({ status: 400 }) }),
    examined("/report", { get: response({ headMs: 4_200 }) }),
    examined("/uploads/${id}", { get: response({ status: 404 }), head: tus }),
    examined("/own", { get: response({ status: 405 }) }),
    examined("/st*r", { get: response({ status: 405 }) }),
  ];
  assert.equal(
    await write(t, all),
    `${UPSTREAM}head: convert
routes:
  - { path: "/files/{file_id_bin}", head: { range: probe } }
  - { path: /native, head: pass }
  - { path: /report, head: pass }
  - { path: "/uploads/{_id}", head: pass }
  - { path: /own, head: pass }
`,
  );
  const text = formatRouteFile(advise(all), FIXED, { source: "x", cwd: "/" });
  for (const reason of [/2\.0 GiB, with ranges/, /its GET takes 4\.2 s/, /# Tus: /, /has no GET/])
    assert.match(text, reason);
});

// Symptom: init wrote a route for a large file that no request for the file matches: /files/{path}, where FastAPI means {path:path}.
// Root cause: the route was the document's path, in which a parameter is one segment, also where its value had slashes.
// Fix: such a route is a prefix; where more follows the parameter, no route can say it, and none is written.
test("init: a parameter with slashes in its value is more than one segment", async (t) => {
  const large = { head: REFUSED, range: ranged(2 * 1024 ** 3) };
  const at = (pattern: string, target: string): Examined => {
    const one = examined(pattern, large);
    return { ...one, endpoint: { ...one.endpoint, target } };
  };
  const all = [at("/v{n}/files/{path}", "/v1/files/a/b.bin?x=/"), at("/{dir}/list", "/a/b/list")];
  assert.equal(
    await write(t, all),
    `${UPSTREAM}head: convert
routes:
  - { path: "/{v_n}/files/*", head: { range: probe } }
`,
  );
});

test("init: a dollar sign in a path or URL is no variable", async (t) => {
  const all = [examined("/a", { head: REFUSED }), examined("/cost$$", { get: REFUSED })];
  const text = formatRouteFile(advise(all), FIXED, { source: "x", cwd: "/" });
  const { config } = await loadText(t, text);
  assert.deepEqual(
    config.routes.map(({ path }) => path),
    ["/cost$$"],
  );
});

test("init: headgate responds to OPTIONS if the backend refuses all of them", async (t) => {
  const refused = { head: REFUSED, options: REFUSED };
  assert.equal(
    await write(t, [examined("/a", refused)]),
    `${UPSTREAM}head: convert\noptions: reply\n`,
  );
  const some = examined("/b", { head: REFUSED, options: response() });
  assert.equal(await write(t, [examined("/a", refused), some]), `${UPSTREAM}head: convert\n`);
});

test("init: no text of a backend can end its comment", async (t) => {
  const source = "x from /a\nroutes: []\u2028y";
  const text = formatRouteFile(advise([]), FIXED, { source, cwd: "/" });
  assert.doesNotMatch(text, /^routes|\u2028/m);
  await loadText(t, text);
});
