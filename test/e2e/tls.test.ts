/** Real clients that come to headgate with TLS. */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";

import { type Authority, type Issued, createAuthority } from "../support/authority.ts";
import { openBrowser, withoutBrowser } from "../support/browser.ts";
import { fieldValues } from "../support/message.ts";
import { startOrigin } from "../support/origin.ts";
import {
  type Headgate,
  PYTHON,
  type Ran,
  createFolder,
  findAddress,
  runAny,
  runClient,
  startBackend,
  startHeadgate,
  testReal,
} from "../support/real.ts";
import { getOnly, text } from "../support/responses.ts";

interface Stage {
  readonly authority: Authority;
  readonly headgate: Headgate;
  readonly origin: Awaited<ReturnType<typeof startOrigin>>;
}

/** Starts headgate with a certificate for a.test and its own address. `more` are further settings of TLS. */
async function start(
  t: TestContext,
  more: (authority: Authority) => string = () => "",
): Promise<Stage> {
  const authority = createAuthority(t);
  const { host } = await findAddress();
  const { certFile, keyFile } = authority.issue({ names: `DNS:a.test,IP:${host}` });
  const origin = await startOrigin(t, getOnly(text("hello")));
  const listener = `tls: { cert: ${certFile}, key: ${keyFile}${more(authority)} }`;
  return { authority, headgate: await startWithTls(t, origin.url, listener), origin };
}

async function startWithTls(t: TestContext, upstream: string, tls: string): Promise<Headgate> {
  const headgate = await startHeadgate(t, upstream, "", [tls]);
  return { ...headgate, url: `https://${headgate.authority}` };
}

const MUTUAL = ({ certFile }: Authority): string => `, clientCA: ${certFile}`;

testReal("curl verifies headgate, and gets a response to its HEAD", { curl: "curl" }, async (t) => {
  const { authority, headgate, origin } = await start(t);
  const head = (...args: readonly string[]): Promise<Ran> =>
    runAny(["curl", "-sS", "--http1.1", "-I", ...args, `${headgate.url}/x`]);
  const trusting = await head("--cacert", authority.certFile);
  assert.match(trusting.stdout, /^HTTP\/1\.1 200 OK\r\n/);
  assert.match(trusting.stdout, /^content-length: 5\r$/im);
  assert.deepEqual(fieldValues(origin.arrivals[0] ?? assert.fail(), "x-forwarded-proto"), [
    "https",
  ]);
  const { port } = headgate;
  const byName = ["--cacert", authority.certFile, "--resolve", `a.test:${port}:${headgate.host}`];
  assert.equal(await runClient(["curl", "-sS", ...byName, `https://a.test:${port}/x`]), "hello");
  const other = byName.map((one) => one.replace("a.test", "b.test"));
  assert.equal((await runAny(["curl", "-sS", ...other, `https://b.test:${port}/x`])).code, 60);
  assert.equal((await head()).code, 60, "an authority that curl does not know");
  const plain = await runAny(["curl", "-sS", headgate.url.replace("https", "http")]);
  assert.match(plain.stdout, /This port speaks HTTPS/);
});

testReal(
  "curl with a client certificate, with a wrong one and without one",
  { curl: "curl" },
  async (t) => {
    const { authority, headgate, origin } = await start(
      t,
      (from) => `${MUTUAL(from)}, forwardClientCert: true`,
    );
    const get = (issued?: Issued): Promise<Ran> => {
      const own = issued === undefined ? [] : ["--cert", issued.certFile, "--key", issued.keyFile];
      return runAny(["curl", "-sS", "--cacert", authority.certFile, ...own, `${headgate.url}/x`]);
    };
    assert.equal((await get(authority.issue({ names: "DNS:app.test" }))).stdout, "hello");
    assert.equal((await get()).code, 56, "TLS 1.3 tells the refusal at the first read");
    const stranger = createAuthority(t).issue({ names: "DNS:app.test" });
    assert.notEqual((await get(stranger)).code, 0);
    const [field] = fieldValues(origin.arrivals[0] ?? assert.fail(), "x-forwarded-client-cert");
    assert.match(field ?? "", /^Hash=[0-9a-f]{64};Subject="CN=leaf,O=Example";DNS=app\.test$/);
    assert.equal(origin.arrivals.length, 1);
  },
);

const REQUEST = "GET /x HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n";

/** What openssl s_client prints for a GET. */
async function sClient(
  { headgate, authority }: Stage,
  ...args: readonly string[]
): Promise<string> {
  const to = [
    "-connect",
    headgate.authority,
    "-servername",
    "a.test",
    "-CAfile",
    authority.certFile,
  ];
  const given = ["openssl", "s_client", "-ign_eof", ...to, ...args] as const;
  const { stdout, stderr } = await runAny(given, { input: REQUEST });
  return stdout + stderr;
}

testReal(
  "openssl s_client: TLS 1.2 and 1.3 are spoken, older versions are not",
  { openssl: "openssl" },
  async (t) => {
    const stage = await start(t);
    for (const [flag, version] of [
      ["-tls1_2", "TLSv1.2"],
      ["-tls1_3", "TLSv1.3"],
    ] as const) {
      const said = await sClient(stage, flag, "-verify_return_error");
      assert.match(said, new RegExp(`^New, ${version}, Cipher is `, "m"));
      assert.match(said, /Verify return code: 0 \(ok\)/);
      assert.match(said, /hello/);
    }
    // Without the lower level, s_client itself would refuse the version.
    const old = ["-tls1_1", "-cipher", "DEFAULT:@SECLEVEL=0"];
    const refused = await sClient(stage, ...old);
    assert.match(refused, /alert protocol version/);
    assert.doesNotMatch(refused, /hello/);
  },
);

testReal("openssl s_client: minVersion 1.3 refuses TLS 1.2", { openssl: "openssl" }, async (t) => {
  const stage = await start(t, () => ', minVersion: "1.3"');
  assert.match(await sClient(stage, "-tls1_2"), /alert protocol version/);
  assert.match(await sClient(stage, "-tls1_3"), /hello/);
});

for (const version of ["-tls1_2", "-tls1_3"]) {
  testReal(
    `openssl s_client: a ticket of ${version} resumes its session`,
    { openssl: "openssl" },
    async (t) => {
      const stage = await start(t);
      const session = join(createFolder(t), "session.pem");
      const first = await sClient(stage, version, "-sess_out", session);
      assert.match(first, /^New, TLSv1\.[23], /m);
      const second = await sClient(stage, version, "-sess_in", session);
      assert.match(second, /^Reused, TLSv1\.[23], /m);
      assert.match(second, /hello/);
    },
  );
}

// `trust_env`: the environment's own authorities would replace those of `verify`.
const REQUESTS = `
import sys, requests
url, ca, cert, key, foreign = sys.argv[1:]
def session(verify, own):
    made = requests.Session()
    made.trust_env, made.verify, made.cert = False, verify, own
    return made
with session(ca, (cert, key)) as one:
    for _ in range(3):
        answer = one.head(url + "/x")
        assert (answer.status_code, answer.headers["Content-Length"], answer.content) == (200, "5", b"")
    assert one.get(url + "/x").text == "hello"
    assert one.post(url + "/x", data=b"a" * 100000).text == "hello"
for verify, own in ((foreign, (cert, key)), (ca, None)):
    try:
        session(verify, own).get(url + "/x")
    except requests.exceptions.ConnectionError:
        continue
    raise AssertionError("it got a response")
`;

testReal(
  "Python's requests, with mutual TLS",
  { "python:requests": "python3-requests" },
  async (t) => {
    const { authority, headgate } = await start(t, MUTUAL);
    const client = authority.issue({ names: "DNS:app.test" });
    const foreign = createAuthority(t).certFile;
    const files = [authority.certFile, client.certFile, client.keyFile, foreign];
    await runClient([PYTHON, "-c", REQUESTS, headgate.url, ...files]);
  },
);

testReal(
  "HAProxy encrypts again to headgate and verifies it",
  { haproxy: "haproxy", curl: "curl" },
  async (t) => {
    const { authority, headgate, origin } = await start(t, MUTUAL);
    const client = authority.issue({ names: "DNS:haproxy.test" });
    const folder = createFolder(t);
    const pem = join(folder, "client.pem");
    writeFileSync(pem, client.cert + client.key);
    const foreign = createAuthority(t).certFile;
    const place = await findAddress();
    const file = join(folder, "haproxy.cfg");
    const server = (ca: string): string =>
      `server one ${headgate.authority} ssl verify required ca-file ${ca} sni str(a.test) verifyhost a.test crt ${pem}`;
    writeFileSync(
      file,
      `defaults
  mode http
  option forwardfor
  timeout connect 10s
  timeout client 10s
  timeout server 10s
frontend clients
  bind ${place.authority}
  use_backend distrust if { path_beg /distrust }
  default_backend trust
backend trust
  ${server(authority.certFile)}
backend distrust
  ${server(foreign)}\n`,
    );
    await startBackend(t, { command: ["haproxy", "-db", "-f", file], address: place });
    const status = (path: string, ...args: readonly string[]): Promise<string> => {
      const show = ["-sS", "-o", "/dev/null", "-w", "%{http_code}", ...args];
      return runClient(["curl", ...show, `${place.url}${path}`]);
    };
    assert.equal(await status("/x", "-I"), "200");
    assert.equal(await status("/x"), "200");
    assert.equal(await status("/distrust"), "503");
    const [first] = origin.arrivals;
    assert.deepEqual(fieldValues(first ?? assert.fail(), "x-forwarded-for"), [
      "127.0.0.1, 127.0.0.1",
    ]);
    assert.deepEqual(
      origin.arrivals.map(({ target }) => target),
      ["/x", "/x"],
    );
  },
);

test("Chromium loads a page over TLS 1.3", { skip: withoutBrowser }, async (t) => {
  const authority = createAuthority(t);
  const { host } = await findAddress();
  const { certFile, keyFile } = authority.issue({ names: `IP:${host}` });
  const origin = await startOrigin(t, getOnly(text("hello")));
  const listener = `tls: { cert: ${certFile}, key: ${keyFile} }`;
  const headgate = await startWithTls(t, origin.url, listener);
  const browser = await openBrowser();
  // Chromium takes further authorities from its user's store only, which the test leaves alone.
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  t.after(() => context.close());
  const page = await context.newPage();
  const response = await page.goto(`${headgate.url}/x`);
  assert.equal(response?.status(), 200);
  const details = await response.securityDetails();
  assert.deepEqual([details?.protocol, details?.issuer], ["TLS 1.3", "authority"]);
  const head = await page.evaluate(async () => {
    const { status, headers } = await fetch("/x", { method: "HEAD" });
    return [status, headers.get("content-length")];
  });
  assert.deepEqual(head, [200, "5"]);
});
