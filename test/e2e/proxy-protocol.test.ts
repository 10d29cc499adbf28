// The PROXY protocol as HAProxy, nginx and curl send it: the app sees the address of their client.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

import { startHaproxy } from "../support/haproxy.ts";
import { listenOn } from "../support/listen.ts";
import {
  type Headgate,
  type ServerAddress,
  createFolder,
  findAddress,
  runAny,
  runClient,
  startBackend,
  startHeadgate,
  testReal,
} from "../support/real.ts";
import { makeCertificate } from "../support/tls-origin.ts";

const PROXY = "127.0.0.1";
const CLIENT = "127.0.0.9";
const CURL = { curl: "curl" };
const FORGED = ["-H", "X-Forwarded-For: 198.51.100.1"];

/** Starts headgate in front of a backend that returns the fields which tell the client. Only the proxy is trusted. */
async function start(t: TestContext, ...listener: readonly string[]): Promise<Headgate> {
  const server = createServer(({ headers }, response) => {
    response.end(`${headers["x-forwarded-for"]} ${headers["x-forwarded-proto"]}`);
  });
  const upstream = `http://127.0.0.1:${await listenOn(t, server)}`;
  return startHeadgate(t, upstream, `forwarded: { trust: [${PROXY}] }`, listener);
}

const hasIPv6 = Object.values(networkInterfaces())
  .flat()
  .some((each) => each?.address === "::1");

function curlFrom(address: string, ...args: readonly string[]): Promise<string> {
  return runClient(["curl", "-sS", "-k", "--interface", address, ...FORGED, ...args]);
}

function unopenedOf(headgate: Headgate): readonly string[] {
  return headgate
    .log()
    .map(({ msg }) => String(msg))
    .filter((msg) => msg.includes("before HTTP began"));
}

const SENDERS = [
  "send-proxy",
  "send-proxy-v2",
  "send-proxy-v2 proxy-v2-options crc32c,authority,ssl,cert-cn,ssl-cipher",
];

testReal("HAProxy in mode tcp", { haproxy: "haproxy", ...CURL }, async (t) => {
  for (const mode of ["true", "optional"]) {
    const headgate = await start(t, `proxyProtocol: ${mode}`);
    const fronts: { sender: string; four: ServerAddress; six: ServerAddress }[] = [];
    for (const sender of SENDERS)
      fronts.push({ sender, four: await findAddress(), six: await findAddress() });
    const sections = fronts.map(
      ({ sender, four, six }, index) => `listen front${index}
  mode tcp
  bind ${four.authority}
  ${hasIPv6 ? `bind [::1]:${six.port}` : ""}
  server one ${headgate.authority} source ${PROXY} ${sender}
`,
    );
    await startHaproxy(t, sections.join(""));
    for (const { sender, four, six } of fronts)
      await t.test(`${sender} to proxyProtocol: ${mode}`, async () => {
        assert.equal(await curlFrom(CLIENT, four.url), `${CLIENT} http`);
        if (!hasIPv6) return;
        const overSix = ["curl", "-sS", ...FORGED, `http://[::1]:${six.port}/`] as const;
        assert.equal(await runClient(overSix), "::1 http");
        assert.deepEqual(unopenedOf(headgate), []);
      });
  }
});

testReal("HAProxy that passes TLS on", { haproxy: "haproxy", ...CURL }, async (t) => {
  const { file, keyFile } = makeCertificate(t, "DNS:a.example");
  const tls = `tls: { cert: "${file}", key: "${keyFile}" }`;
  const headgate = await start(t, "proxyProtocol: true", tls);
  const front = await findAddress();
  await startHaproxy(
    t,
    `listen tls
  mode tcp
  bind ${front.authority}
  server one ${headgate.authority} source ${PROXY} send-proxy-v2`,
  );
  assert.equal(await curlFrom(CLIENT, `https://${front.authority}/`), `${CLIENT} https`);
});

testReal("HAProxy's checks", { haproxy: "haproxy" }, async (t) => {
  const headgate = await start(t, "proxyProtocol: true");
  const server = (options: string): string =>
    `server one ${headgate.authority} source ${PROXY} check ${options}`;
  const { checkStatus } = await startHaproxy(
    t,
    `backend connect
  ${server("")}
backend connect_v1
  ${server("send-proxy check-send-proxy")}
backend connect_v2
  ${server("send-proxy-v2 check-send-proxy")}
backend http_v1
  option httpchk HEAD /
  ${server("send-proxy check-send-proxy")}
backend http_v2
  option httpchk HEAD /
  ${server("send-proxy-v2 check-send-proxy")}
backend http_bare
  option httpchk HEAD /
  ${server("")}`,
  );
  for (const name of ["connect", "connect_v1", "connect_v2"])
    assert.equal(await checkStatus(name), "L4OK", name);
  for (const name of ["http_v1", "http_v2"]) assert.equal(await checkStatus(name), "L7OK", name);
  assert.match(await checkStatus("http_bare"), /^L7(?:RSP|STS)$/, "it has no header");
  for (const msg of unopenedOf(headgate)) assert.match(msg, /does not begin with/);
});

testReal(
  "nginx's proxy_protocol of a stream",
  {
    nginx: "nginx",
    "/usr/lib/nginx/modules/ngx_stream_module.so": "libnginx-mod-stream",
    ...CURL,
  },
  async (t) => {
    const headgate = await start(t, "proxyProtocol: true");
    const front = await findAddress();
    const folder = createFolder(t);
    const file = join(folder, "nginx.conf");
    writeFileSync(
      file,
      `load_module /usr/lib/nginx/modules/ngx_stream_module.so;
      daemon off; master_process off; pid ${folder}/pid;
      events {}
      stream {
        server {
          listen ${front.authority};
          proxy_pass ${headgate.authority};
          proxy_bind ${PROXY};
          proxy_protocol on;
        }
      }\n`,
    );
    await startBackend(t, {
      command: ["nginx", "-c", file, "-e", join(folder, "errors")],
      address: front,
    });
    assert.equal(await curlFrom(CLIENT, front.url), `${CLIENT} http`);
    assert.deepEqual(unopenedOf(headgate), []);
  },
);

testReal("curl --haproxy-protocol", CURL, async (t) => {
  const headgate = await start(t, "proxyProtocol: true");
  const from = (address: string) =>
    ["curl", "-sS", "--haproxy-protocol", "--interface", address, headgate.url] as const;
  assert.equal(await runClient(from(PROXY)), `${PROXY} http`);
  assert.match(await runClient(["curl", "-sSI", ...from(PROXY).slice(2)]), /^HTTP\/1\.1 200 OK/);
  const stranger = await runAny(from(CLIENT));
  assert.ok([52, 56].includes(stranger.code ?? 0), stranger.stderr); // an empty reply, or a reset
});
