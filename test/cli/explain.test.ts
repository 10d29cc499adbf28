import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { UsageError } from "../../src/cli/flags.ts";
import { explain } from "../../src/cli/explain/command.ts";
import { ConfigError } from "../../src/config/diagnostic.ts";
import { spawnBinary } from "../support/binary.ts";
import { makeDirectory } from "../support/route-file.ts";

const ROUTES = `upstream: http://127.0.0.1:8000
upstreams: { files: unix:/run/files.sock }
routes:
  - { name: users, path: /users/* }
  - { path: "/users/{id}/avatar", head: pass, upstream: files }
  - { path: /Health }
`;

async function run(t: TestContext, args: readonly string[], yaml = ROUTES) {
  const { code, out, err } = await runAll(t, args, yaml);
  assert.deepEqual([code, err], [0, ""]);
  return out;
}

async function runAll(t: TestContext, args: readonly string[], yaml = ROUTES) {
  const printed = { out: "", err: "" };
  const io = {
    env: { HEADGATE_CONFIG: "f.yaml" },
    readInput: () => Promise.reject(new Error("nothing is read")),
    cwd: await makeDirectory(t, { "f.yaml": yaml }),
    out: (said: string) => void (printed.out += said),
    err: (said: string) => void (printed.err += said),
  };
  const code = await explain(args, io);
  return { ...printed, code };
}

test("explain prints the route, what is sent upstream, what is not, and what happens to the body", async (t) => {
  const fields = ["Range: bytes=0-10", "Cookie: secret", "X-Foo: 1", "Connection: close, x-foo"];
  const headers = ["Accept: */*", "X-Forwarded-For: 192.0.2.1", ...fields];
  const out = await run(t, [
    "HEAD",
    "http://api.test/./users/1?x#top",
    "--from=198.51.100.7",
    ...headers.flatMap((header) => ["-H", header]),
  ]);
  assert.equal(
    out,
    `HEAD /./users/1?<hidden>  from 198.51.100.7

Route  users (/users/*)  a prefix matches
       /users/1          is the path as it is compared

The upstream default at http://127.0.0.1:8000 gets
  GET /./users/1?<hidden> HTTP/1.1
  Host: api.test
  Accept: */*
  Cookie: <hidden>
  X-Forwarded-For: 198.51.100.7  ← changed
  X-Forwarded-Proto: http        ← added
  X-Forwarded-Host: api.test     ← added

It does not get
  Range: bytes=0-10         ← has no meaning on a HEAD (RFC 9110 §14.2)
  X-Foo: 1                  ← Connection lists it (RFC 9110 §7.6.1)
  Connection: close, x-foo  ← belongs to one connection (RFC 9110 §7.6.1)

The body
  The client gets the status and the fields of the GET's response at once, and no body.
  headgate reads up to 64KiB of the body within 200ms, to keep the upstream connection; it cuts off a longer one.
`,
  );
});

test("explain names the fields that do not count for the client's address", async (t) => {
  const claims = ["X-Forwarded-User: root", "x_real_ip: 192.0.2.1"];
  const args = ["GET", "/", "--from=198.51.100.7", ...claims.flatMap((claim) => ["-H", claim])];
  const out = await run(t, args);
  for (const claim of claims)
    assert.match(
      out,
      new RegExp(`^ {2}${claim} +← forwarded.trust does not contain the client$`, "m"),
    );
});

test("explain trusts the client of a Unix socket, and with the PROXY protocol only the peers of forwarded.trust", async (t) => {
  const args = ["GET", "/", "--from=198.51.100.7", "-H", "X-Real-IP: 192.0.2.1"];
  const listen = (keys: string): string =>
    `listen: { address: "unix:/run/x.sock"${keys} }\n${ROUTES}`;
  const direct = await run(t, args, listen(""));
  assert.match(direct, /a unix socket/);
  assert.match(direct, /^ {2}X-Real-IP: 192\.0\.2\.1$/m);
  const proxied = await run(t, args, listen(", proxyProtocol: true"));
  assert.match(proxied, /^ {2}X-Forwarded-For: 198\.51\.100\.7/m);
  assert.match(proxied, /X-Real-IP: 192\.0\.2\.1 +← forwarded\.trust does not contain the client/);
});

test("explain names the routes that nearly matched, and why not", async (t) => {
  const out = await run(t, ["HEAD", "/users/1/avatar"]);
  assert.match(out, /^Route {2}\/users\/\{id\}\/avatar +a path with a parameter matches$/m);
  assert.match(out, /^ +users \(\/users\/\*\) +matches too, but a path with a parameter comes/m);
  assert.match(out, /^The upstream files at unix:\/run\/files\.sock gets\n {2}HEAD \/users/m);
  assert.match(out, /headgate sends the HEAD/);
  assert.match(await run(t, ["GET", "/health"]), /\/Health +its path is near, but does not match/);
});

// Symptom: explain needed --upstream typed again, said nothing of the variables of the headgate beside it, and did not know its other flags.
// Root cause: it had a list of flags of its own, and the general error for a missing upstream. Fix: it takes all flags of run, reads the
// same variables, and its error names both.
test("explain takes the settings of run, as flags and as variables", async (t) => {
  const call = async (args: readonly string[], env = {}) => {
    const io = { env, readInput: () => Promise.reject(new Error("nothing is read")) };
    let out = "";
    const cwd = await makeDirectory(t, {});
    await explain(args, { ...io, cwd, out: (said) => void (out += said), err: assert.fail });
    return out;
  };
  const flags = ["--listen", "unix:/run/x.sock", "--admin=off", "--log-level=debug"];
  const byFlags = ["HEAD", "/x", "--upstream", "http://127.0.0.1:8000", ...flags];
  assert.match(await call(byFlags), /^The upstream default at http:\/\/127\.0\.0\.1:8000 gets$/m);
  const env = { HEADGATE_UPSTREAM: "http://app:1", HEADGATE_LISTEN: "unix:/run/x.sock" };
  const byVariables = await call(["HEAD", "/x"], env);
  assert.match(byVariables, /a unix socket[^]*The upstream default at http:\/\/app:1 gets/);
  const message =
    /^explain needs the settings .*: add its flags, such as --upstream http:\S+ or --config FILE, or set HEADGATE_UPSTREAM or HEADGATE_CONFIG$/;
  for (const empty of [{}, { HEADGATE_UPSTREAM: "", HEADGATE_CONFIG: "" }])
    await assert.rejects(call(["HEAD", "/x"], empty), { name: "UsageError", message });
});

// Symptom: a route for /users/:id, of which check warns, was silently not matched in explain. Root cause: explain dropped the warnings.
// Fix: it prints them on standard error, so that --json stays JSON.
test("explain prints the warnings about the file", async (t) => {
  const yaml = `${ROUTES}  - { path: /items/:id }\n`;
  const { out, err } = await runAll(t, ["HEAD", "/items/1", "--json"], yaml);
  assert.equal(JSON.parse(out).route.name, "default");
  assert.match(
    err,
    /^warning: f\.yaml:7:13 routes\[3\]\.path: ":id" is taken literally; did you mean/,
  );
});

test("explain names the requests that headgate responds to itself", async (t) => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["OPTIONS", "*"], /^headgate itself responds with 204: OPTIONS \* asks about this server\.$/m],
    [["TRACE", "/", "-H", "Max-Forwards: 0"], /responds with 200: Max-Forwards is used up/],
    [["GET", "*"], /responds with 400: The request-target \* is for OPTIONS only/],
    [["GET", "/", "-H", "Host: a", "-H", "Host: b"], /responds with 400: .* more than one Host/],
    [["POST", "/", "-H", "Transfer-Encoding: gzip, chunked"], /responds with 501/],
    [["CONNECT", "/"], /responds with 501/],
    [["PRI", "/"], /responds with 400/],
    [["X".repeat(65), "/"], /responds with 501/],
  ];
  for (const [args, expected] of cases) {
    const out = await run(t, args);
    assert.match(out, expected);
    assert.doesNotMatch(out, /The upstream/);
  }
});

test("explain prints what mode auto does with a 404, and which side responds to OPTIONS", async (t) => {
  const yaml = [
    "upstream: http://127.0.0.1:8000",
    "head: auto",
    "routes:",
    "  - { path: /mcp, head: { fallbackOn: [404, 405, 501] } }",
    "  - { path: /check, options: { allow: [GET, HEAD] } }",
  ].join("\n");
  const hint =
    /headgate forwards a 404\. If this backend responds to every HEAD with 404, add 404 to head\.fallbackOn\./;
  assert.match(await run(t, ["HEAD", "/"], yaml), hint);
  const told = await run(t, ["HEAD", "/mcp"], yaml);
  assert.doesNotMatch(told, hint);
  assert.match(told, /After a 404 or 405 or 501 it sends the request again as GET/);
  const own =
    /^headgate itself responds with 204: the route replies to OPTIONS with Allow: GET, HEAD\.$/m;
  assert.match(await run(t, ["OPTIONS", "/check"], yaml), own);
  const preflight = ["-H", "Origin: http://b", "-H", "Access-Control-Request-Method: PUT"];
  for (const args of [
    ["OPTIONS", "/"],
    ["OPTIONS", "/check", ...preflight],
  ])
    assert.match(await run(t, args, yaml), /^The upstream default at .* gets\n {2}OPTIONS/m);
});

test("no secret is shown, in text or JSON, sent or dropped", async (t) => {
  const secrets = ["Authorization", "cookie", "Proxy-Authorization", "Set-Cookie", "x-api-key"];
  const args = ["GET", "/", "-H", "Connection: proxy-authorization"];
  const headers = secrets.flatMap((name) => ["-H", `${name}: s3cret`]);
  for (const format of [[], ["--json"]])
    assert.doesNotMatch(await run(t, [...args, ...headers, ...format]), /s3cret/);
});

// Symptom: `explain get /` was an error of usage, though headgate forwards such a request unchanged.
// Root cause: a method in lower case was taken for a typing mistake.
// Fix: the request is explained, and standard error suggests the method in capitals.
test("a method in lower case is explained unchanged, with a hint on standard error", async (t) => {
  const { code, out, err } = await runAll(t, ["get", "/x"]);
  assert.equal(code, 0);
  assert.match(out, /^get \/x {2}from 127\.0\.0\.1\n/);
  assert.match(out, /^ {2}get \/x HTTP\/1\.1$/m);
  assert.equal(err, "headgate: methods are case-sensitive: did you mean GET?\n");
  // Some upstreams read it as HEAD: the connection is not reused.
  assert.match((await runAll(t, ["head", "/x"])).out, /^ {2}Connection: close +←/m);
});

// Symptom: explain printed the query, and fields such as X_Api_Key, X-Auth-Token and Cookie2.
// Root cause: a list of five exact names decided which values are secret, and nothing hid a query.
// Fix: http/secrets.ts decides by rule, for everything that is printed.
test("queries and all fields whose names suggest a secret are hidden", async (t) => {
  const args = ["X_Api_Key: s3cret", "x-auth-token: s3cret", "Cookie2: s3cret"]
    .concat(["Referer: http://u:s3cret@b/p?s3cret", "X-Original-URL: /p?s3cret", "X-Plain: shown"])
    .flatMap((line) => ["-H", line]);
  const out = await run(t, ["GET", "http://me:s3cret@a.test/p?s3cret", ...args]);
  assert.doesNotMatch(out, /s3cret/);
  assert.match(out, /^GET \/p\?<hidden> {2}from/);
  assert.match(out, /^ {2}GET \/p\?<hidden> HTTP\/1\.1$/m);
  assert.match(out, /^ {2}Host: a\.test$/m);
  assert.match(out, /^ {2}Authorization: <hidden>$/m);
  assert.match(out, /^ {2}X_Api_Key: <hidden>$/m);
  assert.match(out, /^ {2}Referer: http:\/\/<hidden>@b\/p\?<hidden>$/m);
  assert.match(out, /^ {2}X-Original-URL: \/p\?<hidden>$/m);
  assert.match(out, /^ {2}X-Plain: shown$/m);
});

test("the error for a call that cannot be read hides what may be secret in it", async (t) => {
  const calls = [
    ["GET", "/a b?s3cret"],
    ["GET", "a?s3cret"],
    ["GET", "/", "-H", "Authorization=s3cret"],
    ["GET", "/", "Authorization: s3cret"],
    ["GET", "/", "-H", "Cookie: s3cret\n"],
    ["GET", "/", "-H", "Cookie: \u{1f600}s3cret"],
  ];
  for (const args of calls) {
    const told = await runAll(t, args).then(({ out }) => out, String);
    assert.doesNotMatch(told, /s3cret/);
  }
});

test("explain --json is for programs", async (t) => {
  const out = JSON.parse(
    await run(t, ["HEAD", "/users/1", "-H", "If-Range: x", "--json"]),
  ) as object;
  assert.deepEqual(out, {
    request: { method: "HEAD", target: "/users/1", client: "127.0.0.1" },
    route: { name: "users", reason: "a prefix matches", path: "/users/1" },
    others: [],
    forwarded: {
      upstream: "default",
      url: "http://127.0.0.1:8000",
      method: "GET",
      target: "/users/1",
      fields: [
        { name: "Host", value: "localhost" },
        { name: "X-Forwarded-For", value: "127.0.0.1", note: "added" },
        { name: "X-Forwarded-Proto", value: "http", note: "added" },
        { name: "X-Forwarded-Host", value: "localhost", note: "added" },
      ],
      dropped: [
        { name: "If-Range", value: "x", reason: "has no meaning on a HEAD (RFC 9110 §14.2)" },
      ],
      head: "convert",
      isTunnel: false,
      framing: "none",
      rules: {},
      content: [
        "The client gets the status and the fields of the GET's response at once, and no body.",
        "headgate reads up to 64KiB of the body within 200ms, to keep the upstream connection; it cuts off a longer one.",
      ],
    },
  });
});

test("explain names the other clients that get the response of a route with share, or why there are none", async (t) => {
  const yaml = `upstream: http://127.0.0.1:8000
head: { share: 2s }
routes: [{ path: /pass, head: pass }, { path: /alone, head: { share: 0s } }]
`;
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [
      ["/x"],
      /^ {2}Equal HEADs that arrive meanwhile, or within 2s, get this response too, unless/m,
    ],
    [["/x", "-H", "cookie: a"], /^ {2}This HEAD does not share a response: it carries cookie\.$/m],
    [["/x", "-H", "Content-Length: 1"], /does not share a response: it carries content\.$/m],
    [["/x?X-Amz-Signature=a"], /does not share a response: a guard applies\.$/m],
    [["/pass"], /does not share a response: the mode is pass\.$/m],
  ];
  for (const [args, expected] of cases)
    assert.match(await run(t, ["HEAD", ...args], yaml), expected);
  for (const args of [
    ["HEAD", "/alone"],
    ["GET", "/x"],
  ])
    assert.doesNotMatch(
      await run(t, args, yaml),
      /does not share a response|get this response too/,
    );
  const json = await run(t, ["HEAD", "/x", "-H", "Cookie: a", "--json"], yaml);
  assert.match(json, /"unshared": "it carries Cookie"/);
});

// Symptom: explain did not mention limit and allow: repair, did not name the guard that had decided, and left the Range field of range:
// probe out of the fields that are sent upstream.
// Root cause: explain printed the plan, and these were decided beside the plan or after it.
// Fix: each is a rule that applies to the request, or does not; the probe's field is among the fields.
test("explain names the rules of the route that apply: its guard, limit, allow and explain", async (t) => {
  const yaml = `upstream: http://127.0.0.1:8000
head: { limit: { concurrent: 2, rate: 30/m }, allow: repair, explain: true }
routes:
  - { path: /auto, head: { mode: auto, limit: { rate: 5/h } } }
  - { path: /pass, head: pass }
  - { path: /reject, head: reject }
  - { path: /open, head: { limit: {}, allow: keep, explain: false } }
  - { path: /plain, head: { limit: { concurrent: 7 }, allow: keep, explain: false, guards: [] } }
`;
  const tus = ["-H", "tus-resumable: 1.0.0"];
  const repair = "  headgate adds HEAD to an Allow field that lists GET.\n";
  const details = "  The response has a Proxy-Status field that says what headgate did.\n";
  const busy = "; a HEAD over the limit gets 503 with Retry-After.\n";
  const cases: readonly (readonly [readonly string[], string])[] = [
    [
      ["HEAD", "/x"],
      `  HEADs that need a GET are limited to 2 at one time and 30/m${busy}${repair}${details}`,
    ],
    [["HEAD", "/auto"], `  HEADs that need a GET are limited to 5/h${busy}${repair}${details}`],
    [
      ["HEAD", "/plain?X-Amz-Signature=a"],
      `  HEADs that need a GET are limited to 7 at one time${busy}`,
    ],
    [
      ["HEAD", "/x", ...tus],
      `  The guard tus applies, because a field belongs to the tus protocol: headgate sends this HEAD as HEAD.\n${repair}${details}`,
    ],
    [
      ["HEAD", "/auto?sig=a&se=b"],
      `  The guard signed applies, because a signature covers the method: headgate sends this HEAD as HEAD.\n${repair}${details}`,
    ],
    [["HEAD", "/pass", ...tus], details],
    [["OPTIONS", "/x"], repair],
  ];
  for (const [args, expected] of cases) {
    const out = await run(t, args, yaml);
    assert.equal(
      /^The rules that apply\n((?: {2}.*\n)+)/m.exec(out)?.[1],
      expected,
      args.join(" "),
    );
  }
  for (const args of [
    ["GET", "/plain"],
    ["HEAD", "/open"],
    ["HEAD", "/reject", ...tus],
  ])
    // prettier-ignore
    assert.doesNotMatch(await run(t, args, yaml), /The rules/);

  const toRules = async (...args: string[]): Promise<unknown> =>
    JSON.parse(await run(t, [...args, "--json"], yaml)).forwarded.rules;
  const limit = { concurrent: 2, rate: 0.5 };
  assert.deepEqual(await toRules("HEAD", "/x"), { limit, allow: "repair", explain: true });
  const guarded = { guard: "tus", allow: "repair", explain: true };
  assert.deepEqual(await toRules("HEAD", "/x", ...tus), guarded);
  assert.deepEqual(await toRules("GET", "/plain"), {});
});

test("explain shows the Range field of a probe if a GET is sent at once, and what else happens to the GET after a HEAD", async (t) => {
  const yaml = `upstream: http://127.0.0.1:8000
head: { range: probe, contentLength: measure }
routes: [{ path: /auto, head: auto }]
`;
  const out = await run(t, ["HEAD", "/x"], yaml);
  assert.match(out, /^ {2}Range: bytes=0-0 +← added$/m);
  const asked = await run(t, ["HEAD", "/x", "-H", "Range: bytes=0-9"], yaml);
  assert.match(asked, /^ {2}Range: bytes=0-0 +← changed$/m);
  const auto = await run(t, ["HEAD", "/auto"], yaml);
  assert.doesNotMatch(auto, /^ {2}Range/m);
  for (const said of [out, auto]) {
    assert.match(said, /^ {2}The GET has Range: bytes=0-0, /m);
    assert.match(said, /^ {2}If the GET's response has no Content-Length, /m);
  }
});

test("an upgrade is explained as the requested tunnel", async (t) => {
  const out = await run(t, ["GET", "/", "-H", "Connection: Upgrade", "-H", "Upgrade: websocket"]);
  assert.match(out, /^ {2}Upgrade: websocket +← for the connection to the upstream$/m);
  assert.match(out, /headgate forwards bytes both ways/);
  assert.doesNotMatch(out, /It does not get/);
});

test("an upgrade with content is explained with both", async (t) => {
  const fields = ["Connection: upgrade", "Upgrade: tcp", "Transfer-Encoding: chunked"];
  const out = await run(t, ["POST", "/", ...fields.flatMap((field) => ["-H", field])]);
  assert.match(out, /^ {2}Transfer-Encoding: chunked +← for the connection to the upstream$/m);
  assert.match(out, /^ {2}Connection: upgrade +← for the connection to the upstream$/m);
  assert.match(
    out,
    /^ {2}headgate forwards the request's content as it arrives, in chunks of its own.$/m,
  );
  assert.match(out, /^ {2}Once the upstream agrees, headgate forwards bytes both ways/m);
});

test("an upgrade is explained with its Max-Forwards: one less, or a response from headgate", async (t) => {
  const upgrade = ["-H", "Connection: Upgrade", "-H", "Upgrade: websocket"];
  const out = await run(t, ["OPTIONS", "/", ...upgrade, "-H", "Max-Forwards: 3"]);
  assert.match(out, /^ {2}Max-Forwards: 2 +← changed$/m);
  assert.match(out, /^ {2}Connection: Upgrade$|^ {2}Connection: Upgrade +←/m);
  assert.match(
    await run(t, ["OPTIONS", "/", ...upgrade, "-H", "Max-Forwards: 0"]),
    /Max-Forwards is used up/,
  );
});

test("--upstream and --config choose what is explained, as they do for run", async (t) => {
  const args = ["GET", "/", "--upstream", "http://other:1", "--config", "f.yaml"];
  assert.match(await run(t, args), /^The upstream default at http:\/\/other:1 gets$/m);
});

test("an unreadable request is a wrong call, a bad file a bad configuration", async (t) => {
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [["HEAD"], /needs a METHOD and a URL/],
    [["HEAD", "/", "/"], /Unexpected argument/],
    [["GET", "example.com/x"], /neither a URL.*did you mean "http:\/\/example\.com\/x"\?/],
    [["/health", "GET"], /"\/health" is not a method; did you mean: explain GET \/health$/],
    [["/health", "/x"], /"\/health" is not a method$/],
    [["GET", "/a b"], /%20/],
    [["GET", "/", "-H", "no colon"], /is not a field/],
    [["GET", "/", "-H", "A: b\nC: d"], /is not a field/],
    [["GET", "/", "--from", "me"], /not an IP address/],
  ];
  for (const [args, message] of wrong) {
    await assert.rejects(run(t, args), (error) => {
      assert.ok(error instanceof UsageError, String(error));
      assert.match(error.message, message);
      return true;
    });
  }
  await assert.rejects(run(t, ["GET", "/"], "upstream: [\n"), ConfigError);
});

test("the process ends with 0 for an explanation, 1 for a bad file, 2 for a wrong call", async (t) => {
  const cwd = await makeDirectory(t, { "good.yaml": ROUTES, "bad.yaml": "upstream: [\n" });
  const codes = ["good.yaml", "bad.yaml"].map((file) => ["GET", "/", "--config", file]);
  const exits = [...codes, ["GET"]].map(
    (args) => spawnBinary(t, { args: ["explain", ...args], cwd }).exited,
  );
  assert.deepEqual(await Promise.all(exits), [0, 1, 2]);
});
