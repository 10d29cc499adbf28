// Health checks by monitoring-plugins (Nagios, Icinga), HAProxy and Prometheus' blackbox exporter.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import type { TestContext } from "node:test";

import { startHaproxy } from "../support/haproxy.ts";
import { listenOn } from "../support/listen.ts";
import {
  type ServerAddress,
  createFolder,
  findAddress,
  runAny,
  startBackend,
  startHeadgate,
  testReal,
} from "../support/real.ts";

/** A backend that serves GET and refuses everything else, with and without a length. */
async function startBackendOfGets(t: TestContext): Promise<string> {
  const server = createServer((request, response) => {
    if (request.method !== "GET") response.writeHead(405, { Allow: "GET" }).end();
    else if (request.url === "/streamed") response.write("one", () => response.end("two"));
    else response.end("hello");
  });
  return `http://127.0.0.1:${await listenOn(t, server)}`;
}

testReal("check_http", { check_http: "monitoring-plugins-basic" }, async (t) => {
  const { host, port } = await startHeadgate(t, await startBackendOfGets(t));
  for (const path of ["/", "/streamed"]) {
    for (const options of [[], ["-j", "HEAD"], ["-N"]]) {
      await t.test(`${options.join(" ") || "with GET"} of ${path} is OK`, async () => {
        const where = ["-H", host, "-p", String(port), "-u", path];
        const { code, stdout } = await runAny(["check_http", ...where, ...options]);
        assert.equal(code, 0, stdout);
        assert.match(stdout, /^HTTP OK: HTTP\/1\.1 200 OK/);
      });
    }
  }
});

testReal("HAProxy's checks", { haproxy: "haproxy" }, async (t) => {
  const direct = await startBackendOfGets(t);
  const checks = {
    "option httpchk": "L7STS",
    "option httpchk HEAD /": "L7OK",
    "option httpchk\n  http-check send meth HEAD uri /streamed ver HTTP/1.1 hdr Host app": "L7OK",
    "option httpchk GET /": "L7OK",
  };
  for (const [check, wanted] of Object.entries(checks)) {
    await t.test(`${check.replaceAll(/\s+/g, " ")} is ${wanted}`, async (t2) => {
      const headgate = await startHeadgate(t2, direct);
      assert.equal(await readCheck(t2, headgate, check), wanted);
    });
  }
  await t.test("option httpchk is L7OK if the route has options: reply", async (t2) => {
    const headgate = await startHeadgate(t2, direct, "options: reply");
    assert.equal(await readCheck(t2, headgate, "option httpchk"), "L7OK");
  });
  // nghttp2 resets a request that names no host. HAProxy names none by itself, and reports a broken connection.
  const overHttp2 = {
    "option httpchk HEAD /": "SOCKERR",
    "option httpchk\n  http-check send meth HEAD uri / ver HTTP/2 hdr Host app": "L7OK",
  };
  for (const [check, wanted] of Object.entries(overHttp2)) {
    await t.test(`${check.replaceAll(/\s+/g, " ")} is ${wanted} over HTTP/2`, async (t2) => {
      const headgate = await startHeadgate(t2, direct, "", ["http2: true"]);
      assert.equal(await readCheck(t2, headgate, check, "proto h2"), wanted);
    });
  }
});

/** What HAProxy's own page reports about its only server, once it knows. */
async function readCheck(
  t: TestContext,
  headgate: ServerAddress,
  check: string,
  options = "",
): Promise<string> {
  const server = `backend app\n  ${check}\n  server one ${headgate.authority} ${options} check`;
  const { checkStatus } = await startHaproxy(t, server);
  return checkStatus("app");
}

testReal(
  "the blackbox exporter",
  { "prometheus-blackbox-exporter": "prometheus-blackbox-exporter" },
  async (t) => {
    const { url } = await startHeadgate(t, await startBackendOfGets(t));
    const place = await findAddress();
    const file = join(createFolder(t), "blackbox.yml");
    const http =
      "{ prober: http, timeout: 20s, http: { method: HEAD, preferred_ip_protocol: ip4 } }";
    writeFileSync(file, `modules: { head: ${http} }\n`);
    const command = ["prometheus-blackbox-exporter", `--config.file=${file}`] as const;
    await startBackend(t, {
      command: [...command, `--web.listen-address=${place.authority}`],
      address: place,
    });
    for (const path of ["/", "/streamed"]) {
      await t.test(`HEAD of ${path} succeeds`, async () => {
        const probe = `${place.url}/probe?module=head&target=${encodeURIComponent(url + path)}`;
        assert.match(await (await fetch(probe)).text(), /^probe_success 1$/m);
      });
    }
  },
);
