/** TLS, HTTP/2 and the PROXY protocol in the chart: the rendered route file is the one that headgate checks and serves with. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { parse } from "yaml";

import { createAuthority } from "../support/authority.ts";
import {
  type Fields,
  type Manifest,
  chart,
  headgateOf,
  missing,
  only,
  podOf,
  render,
  root,
} from "../support/manifests.ts";
import { startOrigin } from "../support/origin.ts";
import { startProcess, startRun } from "../support/process.ts";
import { toRequest } from "../support/request.ts";
import { getOnly, text } from "../support/responses.ts";
import { makeDirectory } from "../support/route-file.ts";
import { openTlsWire } from "../support/wire.ts";

const skip = missing("helm");
const POD = `apiVersion: v1
kind: Pod
metadata: { name: pod }
spec:
  containers:
    {{- include "headgate.sidecar" . | nindent 4 }}
  volumes:
    {{- include "headgate.volumes" . | nindent 4 }}
`;
const standalone = ["--set", "upstream=http://my-app:8000"];
const sidecar = [
  "--set",
  "mode=sidecar,app.podLabels.app=my-app",
  "--set-json",
  `extraObjects=${JSON.stringify([POD])}`,
];
const tls = ["--set", "tls.secretName=app-tls"];
const mutual = [...tls, "--set", "tls.clientCASecretName=clients"];

function routeFileOf(manifests: readonly Manifest[]): Fields {
  return parse(only(manifests, "ConfigMap")["data"]["headgate.yaml"]) as Fields;
}

/** The pod's folder /etc/headgate: the rendered route file, and for each projected file of a Secret one of `secrets`. */
async function makeFolder(
  t: TestContext,
  manifests: readonly Manifest[],
  pod: Manifest,
  secrets: Readonly<Record<string, Readonly<Record<string, string>>>>,
): Promise<string> {
  const volumes: readonly Fields[] = podOf(pod)?.["volumes"] ?? [];
  const [mount] = headgateOf(pod)["volumeMounts"];
  assert.deepEqual(mount, { name: "headgate", mountPath: "/etc/headgate", readOnly: true });
  const sources: readonly Fields[] = volumes.find(({ name }) => name === mount.name)?.["projected"]
    .sources;
  const files: Record<string, string> = {};
  for (const { configMap, secret } of sources) {
    if (configMap !== undefined)
      Object.assign(files, only(manifests, "ConfigMap", configMap.name)["data"]);
    for (const { key, path } of secret?.items ?? [])
      files[path] = secrets[secret.name]?.[key] ?? "";
  }
  return makeDirectory(t, files);
}

for (const [what, args] of [
  ["standalone", standalone],
  ["a native sidecar", sidecar],
  ["an ordinary sidecar", [...sidecar, "--set", "sidecar.native=false"]],
] as const) {
  test(
    `${what} with tls.secretName: headgate serves HTTPS with the pod's folder`,
    { skip },
    async (t) => {
      const manifests = render(chart, ...args, ...tls);
      const pod =
        what === "standalone" ? only(manifests, "Deployment") : only(manifests, "Pod", "pod");
      const authority = createAuthority(t);
      const { cert, key } = authority.issue({ names: "DNS:app.example.com" });
      const folder = await makeFolder(t, manifests, pod, {
        "app-tls": { "tls.crt": cert, "tls.key": key },
      });
      const file = join(folder, "headgate.yaml");
      const origin = await startOrigin(t, getOnly(text("hello")));
      const env = { HEADGATE_UPSTREAM: origin.url, HEADGATE_LISTEN: "127.0.0.1:0" };
      const check = startProcess(t, ["check", file], env);
      assert.equal((await check.exited).code, 0, check.stderr());
      assert.match(check.stdout(), /^CERTIFICATE +LISTEN .*\napp\.example\.com +127\.0\.0\.1:0 /m);
      const headgate = await startRun(t, ["--config", file, "--upstream", origin.url]);
      const wire = await openTlsWire(t, headgate.port, {
        ca: authority.cert,
        servername: "app.example.com",
      });
      wire.write(toRequest("HEAD /x"));
      assert.equal((await wire.readResponse("HEAD")).status, 200);
    },
  );
}

test("the route file names the address of the container's port", { skip }, () => {
  const args = ["--set", "ports.http=8443,bindAddress=[::]"];
  const manifests = render(chart, ...standalone, ...tls, ...args);
  const listen = { address: "[::]:8443", tls: { cert: "tls.crt", key: "tls.key" } };
  assert.deepEqual(routeFileOf(manifests)["listen"], listen);
  const container = headgateOf(only(manifests, "Deployment"));
  const address = container["env"].find(({ name }: Fields) => name === "HEADGATE_LISTEN").value;
  assert.equal(address, listen.address);
  assert.equal(container["ports"][0].containerPort, 8443);
});

test("every setting of a listener reaches the route file", { skip }, () => {
  const values = join(chart, "ci", "injection-tls-values.yaml");
  assert.deepEqual(routeFileOf(render(chart, "-f", values))["listen"], {
    address: "0.0.0.0:8080",
    tls: {
      cert: "tls.crt",
      key: "tls.key",
      clientCA: "client-ca.crt",
      clientAuth: "request",
      minVersion: "1.3",
      forwardClientCert: true,
    },
    proxyProtocol: "optional",
  });
  const plain = ["--set", "http2=true,proxyProtocol=true,config.file.head=pass"];
  const file = routeFileOf(render(chart, ...standalone, ...plain));
  assert.deepEqual(file["listen"], { address: "0.0.0.0:8080", http2: true, proxyProtocol: true });
  assert.equal(file["head"], "pass");
});

test(
  "mutual TLS: headgate takes clients of the authorities in the second Secret only",
  { skip },
  async (t) => {
    const manifests = render(chart, ...standalone, ...mutual);
    const authority = createAuthority(t);
    const clients = createAuthority(t);
    const { cert, key } = authority.issue({ names: "DNS:app.example.com" });
    const folder = await makeFolder(t, manifests, only(manifests, "Deployment"), {
      "app-tls": { "tls.crt": cert, "tls.key": key },
      clients: { "ca.crt": clients.cert },
    });
    const origin = await startOrigin(t, text("hello"));
    const file = join(folder, "headgate.yaml");
    const headgate = await startRun(t, ["--config", file, "--upstream", origin.url]);
    const own = clients.issue({ names: "DNS:client" });
    const options = { ca: authority.cert, servername: "app.example.com" };
    const wire = await openTlsWire(t, headgate.port, { ...options, cert: own.cert, key: own.key });
    wire.write(toRequest("GET /x"));
    assert.equal((await wire.readResponse()).status, 200);
    const stranger = await openTlsWire(t, headgate.port, options).catch(() => undefined);
    stranger?.write(toRequest("GET /x"));
    await assert.rejects(stranger?.readResponse() ?? Promise.reject(new Error("refused")));
  },
);

test("without TLS nothing is projected, and the route file has no listener", { skip }, () => {
  const manifests = render(chart, ...standalone);
  assert.deepEqual(podOf(only(manifests, "Deployment"))?.["volumes"], [
    { name: "headgate", configMap: { name: "x-headgate" } },
  ]);
  assert.equal(routeFileOf(manifests)["listen"], undefined);
});

test("an existing ConfigMap gets the certificate beside it", { skip }, () => {
  const args = ["--set", "config.existingConfigMap=mine"];
  const pod = only(render(chart, ...standalone, ...tls, ...args), "Deployment")["spec"].template
    .spec;
  const [routes, certificate] = pod.volumes[0].projected.sources as readonly Fields[];
  assert.deepEqual(routes, { configMap: { name: "mine" } });
  assert.equal(certificate?.["secret"].name, "app-tls");
});

test("with TLS the Service is https on port 443, unless a port is set", { skip }, () => {
  const portOf = (...args: readonly string[]): unknown =>
    only(render(chart, ...standalone, ...args), "Service")["spec"].ports;
  const port = { targetPort: 8080, protocol: "TCP" };
  assert.deepEqual(portOf(...tls), [{ name: "https", port: 443, ...port }]);
  assert.deepEqual(portOf(...tls, "--set", "service.port=8443"), [
    { name: "https", port: 8443, ...port },
  ]);
  assert.deepEqual(portOf(), [{ name: "http", port: 80, ...port }]);
});

test("Ingress and HTTPRoute send requests to the Service's port of HTTPS", { skip }, () => {
  const values = {
    ingress: { enabled: true, hosts: [{ host: "app.example.com" }] },
    httpRoute: { enabled: true, parentRefs: [{ name: "public" }] },
  };
  const args = Object.entries(values).flatMap(([key, value]) => [
    "--set-json",
    `${key}=${JSON.stringify(value)}`,
  ]);
  const manifests = render(chart, ...standalone, ...tls, ...args);
  const [rule] = only(manifests, "Ingress")["spec"].rules;
  assert.equal(rule.http.paths[0].backend.service.port.number, 443);
  assert.equal(only(manifests, "HTTPRoute")["spec"].rules[0].backendRefs[0].port, 443);
});

test("probes and network policy stay as without TLS", { skip }, () => {
  const policy = ["--set", "networkPolicy.enabled=true,app.podLabels.app=my-app"];
  const [plain, secure] = [[], mutual].map((args) =>
    render(chart, ...standalone, ...policy, ...args),
  );
  assert.ok(plain !== undefined && secure !== undefined);
  const [before, after] = [plain, secure].map((one) => headgateOf(only(one, "Deployment")));
  for (const name of ["startupProbe", "readinessProbe", "livenessProbe", "ports"])
    assert.deepEqual(after?.[name], before?.[name]);
  const policyOf = (manifests: readonly Manifest[]): Manifest =>
    only(manifests, "NetworkPolicy", "x-headgate");
  assert.deepEqual(policyOf(secure), policyOf(plain));
});

test("`helm test` asks by HTTPS, and is left out where it could not connect", { skip }, () => {
  const testOf = (...args: readonly string[]): Manifest | undefined =>
    render(chart, ...standalone, ...args).find(({ kind }) => kind === "Pod");
  assert.match(JSON.stringify(testOf(...tls)), /"https:\/\/x-headgate:443\/"/);
  assert.match(JSON.stringify(testOf()), /"http:\/\/x-headgate:80\/"/);
  assert.ok(testOf(...mutual, "--set", "tls.clientAuth=request") !== undefined);
  assert.equal(testOf(...mutual), undefined);
  assert.equal(testOf("--set", "proxyProtocol=true"), undefined);
});

test("the notes name the Service by https, and what an Ingress needs", { skip }, () => {
  const notes =
    'kind: ConfigMap\nmetadata: { name: notes }\ndata: { text: {{ include "headgate/templates/NOTES.txt" . | toJson }} }\n';
  const given = ["--set-json", `extraObjects=${JSON.stringify([notes])}`];
  const hosts = ["--set", "ingress.enabled=true,ingress.hosts[0].host=app.example.com"];
  const read = (...args: readonly string[]): string =>
    only(render(chart, ...standalone, ...args, ...given), "ConfigMap", "notes")["data"].text;
  assert.match(read(...tls), /https:\/\/x-headgate\.web:443/);
  assert.doesNotMatch(read(...tls), /backend-protocol/);
  assert.match(read(...tls, ...hosts), /nginx\.ingress\.kubernetes\.io\/backend-protocol: HTTPS/);
  assert.doesNotMatch(read(...hosts), /backend-protocol/);
  assert.match(read(...mutual), /helm test is left out, .* client certificate/);
  assert.match(read(...mutual), /curl -I --cert client\.crt --key client\.key --cacert ca\.crt /);
  assert.match(read("--set", "proxyProtocol=true"), /curl -I --haproxy-protocol http:/);
  // An Ingress renders with `proxyProtocol`, but few controllers send a header to their backend.
  assert.doesNotMatch(read("--set", "proxyProtocol=true"), /the controller has to send one/);
  assert.match(read("--set", "proxyProtocol=true", ...hosts), /the controller has to send one/);
  const optional = ["--set", "proxyProtocol=optional", ...hosts];
  assert.doesNotMatch(read(...optional), /the controller has to send one/);
  assert.doesNotMatch(read(...mutual), /^ +helm test x/m);
});

const page = readFileSync(join(root, "docs", "tls.md"), "utf8");

/** The chart's values in docs/tls.md, each with a word that tells it from the others. */
for (const word of ["alb.ingress.kubernetes.io", "aws-load-balancer-type"]) {
  test(`docs/tls.md: the chart takes the values with ${word}`, { skip }, async (t) => {
    const blocks = [...page.matchAll(/```yaml\n(# the chart's values\n[^`]*)```/g)];
    const [, values = ""] = blocks.find(([block]) => block.includes(word)) ?? assert.fail();
    const folder = await makeDirectory(t, { "values.yaml": values });
    const manifests = render(chart, ...standalone, "-f", join(folder, "values.yaml"));
    const { tls: settings } = routeFileOf(manifests)["listen"];
    assert.deepEqual(settings, { cert: "tls.crt", key: "tls.key" });
    assert.ok(JSON.stringify(manifests).includes(word));
  });
}

test(
  "examples/kubernetes/cert-manager: the chart mounts the Certificate's Secret, and the names are the Service's",
  { skip },
  () => {
    const folder = join(root, "examples", "kubernetes", "cert-manager");
    const { spec } = parse(readFileSync(join(folder, "certificate.yaml"), "utf8")) as Fields;
    const named = ["--set", "fullnameOverride=headgate"];
    const manifests = render(chart, "-f", join(folder, "values.yaml"), ...named);
    const pod = podOf(only(manifests, "Deployment"));
    assert.equal(pod?.["volumes"][0].projected.sources[1].secret.name, spec.secretName);
    const { name, namespace } = only(manifests, "Service").metadata;
    for (const host of [name, `${name}.${namespace}`, `${name}.${namespace}.svc`])
      assert.ok(spec.dnsNames.includes(host), host);
    assert.match(JSON.stringify(only(manifests, "PrometheusRule")), /HeadgateCertificateExpires/);
  },
);

test("docs/tls.md shows what check prints", async (t) => {
  const [, command = "", printed = ""] =
    /^\$ headgate (check headgate\.yaml)\n([^`]*)^```$/m.exec(page) ?? assert.fail();
  const authority = createAuthority(t);
  const { cert, key } = authority.issue({ names: "DNS:app.example.com" });
  const [, yaml = ""] = /```yaml\n(listen:[^`]*)```/.exec(page) ?? [];
  const cwd = await makeDirectory(t, {
    "headgate.yaml": `upstream: http://127.0.0.1:8000\n${yaml}`,
    "tls.crt": cert,
    "tls.key": key,
  });
  const check = startProcess(t, [command.split(" ")[0] ?? "", join(cwd, "headgate.yaml")]);
  assert.equal((await check.exited).code, 0, check.stderr());
  const hideDates = (shown: string): string => shown.replaceAll(/\d{4}-\d\d-\d\d/g, "DATE");
  assert.equal(hideDates(check.stdout().replace(`${cwd}/`, "")), hideDates(printed));
});

test("docs/tls.md: check accepts the certificate that its openssl command makes", async (t) => {
  const [, command = ""] = /^\$ (openssl req [^$]*)\n\$/m.exec(page) ?? assert.fail();
  const [, yaml = ""] = /```yaml\n(listen:[^`]*)```/.exec(page) ?? [];
  const cwd = await makeDirectory(t, {
    "headgate.yaml": `upstream: http://127.0.0.1:8000\n${yaml}`,
  });
  execFileSync("sh", ["-c", command], { cwd, stdio: "ignore" });
  const check = startProcess(t, ["check", join(cwd, "headgate.yaml")]);
  assert.equal((await check.exited).code, 0, check.stderr());
  assert.match(check.stdout(), /^localhost +0\.0\.0\.0:8443/m);
});
