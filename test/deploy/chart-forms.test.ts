/**
 * Single values of a wrong form: the chart reports each in a sentence that names the key and the right form.
 *
 * Symptom: helm's message of `upstream: my-app:8000` was a regular expression, and that of `imagePullSecrets: [registry]` said "Expected:
 * object". Root cause: values.schema.json alone checked the form, and helm words its messages. Fix: a template checks it; in the route file,
 * whose schema helm checks first, the message is the description of the syntax.
 */

import assert from "node:assert/strict";
import { join } from "node:path";
import test, { type TestContext } from "node:test";

import { chart, helm, missing } from "../support/manifests.ts";
import { makeDirectory } from "../support/route-file.ts";

const skip = missing("helm");

/** What helm prints for these values; empty if it accepts them. */
async function refusalOf(t: TestContext, values: string): Promise<string> {
  const folder = await makeDirectory(t, { "values.yaml": values });
  return runHelm("-f", join(folder, "values.yaml"));
}

function runHelm(...values: readonly string[]): string {
  const { status, stderr } = helm("template", "x", chart, "--kube-version", "1.36.0", ...values);
  assert.equal(status === 0, stderr === "", stderr);
  return stderr;
}

/** Settings, each on lines of its own, and what the chart says. */
const wrong: readonly (readonly [string, string])[] = [
  [
    "upstream: my-app:8000",
    'upstream: is "my-app:8000", and must be a URL without a path, such as http://my-app:8000',
  ],
  [
    'bindAddress: "::"',
    'bindAddress: is "::", and must be an IP address without a port, such as 0.0.0.0, or "[::]" in quotes',
  ],
  [
    'ports: { http: 80, admin: "9090" }',
    "ports.http: is 80, and must be a number from 1024 to 65535 without quotes, such as 8080, because headgate is not root",
  ],
  [
    "",
    'ports.admin: is "9090", and must be a number from 1024 to 65535 without quotes, such as 8080, because headgate is not root',
  ],
  [
    "app: { port: http, podLabels: { version: 1 } }",
    'app.port: is "http", and must be a port\'s number without quotes, such as 8000, not its name',
  ],
  ["", "app.podLabels.version: is 1, and must be a text; put it in quotes"],
  [
    'service: { port: "80", targetPort: 8080, name: My_App }',
    'service.port: is "80", and must be a port\'s number without quotes, such as 80, or null',
  ],
  ["", "service.targetPort: is no value of this chart; set ports.http"],
  ["", 'service.name: is "My_App", and must be a name in lower-case letters, digits and -'],
  [
    "image: ghcr.io/headgate/headgate:1.2.3",
    'image: is "ghcr.io/headgate/headgate:1.2.3", and must be a mapping such as { registry: ghcr.io, repository: headgate/headgate, tag: "1.2.3" }',
  ],
  [
    "imagePullSecrets: [registry]",
    "imagePullSecrets: is a list of other items, and must be a list such as [{ name: registry-login }]",
  ],
  [
    "podAnnotations: { a: true }",
    "podAnnotations.a: is true, and must be a text; put it in quotes",
  ],
  ["replicaCount: 3", "replicaCount: is no value of this chart; set replicas"],
  ['replicas: "3"', 'replicas: is "3", and must be a whole number without quotes, such as 2'],
  [
    "tls: { enabled: true, secretName: My_Tls, minVersion: 1.3 }",
    "tls.enabled: is no value of this chart; set tls.secretName",
  ],
  [
    "",
    'tls.secretName: is "My_Tls", and must be the name of an object, in lower-case letters, digits, - and .',
  ],
  ["", 'tls.minVersion: is 1.3, and must be "1.2" or "1.3", in quotes'],
  [
    "extraEnv: [{ name: A, value: 1 }, { name: B }]",
    "extraEnv[0].value: is no text, and must be a text; put it in quotes",
  ],
  [
    "extraArgs: --log-level=debug",
    'extraArgs: is "--log-level=debug", and must be a list of texts, such as ["--log-level=debug"]',
  ],
  [
    "shutdown: { delaySeconds: 5s }",
    'shutdown.delaySeconds: is "5s", and must be whole seconds without a unit, such as 5',
  ],
  [
    "podDisruptionBudget: { maxUnavailable: one, minAvailable: 1 }",
    'podDisruptionBudget.maxUnavailable: is "one", and must be a number such as 1, or a percentage such as 25%',
  ],
  [
    "",
    "podDisruptionBudget.minAvailable: is no value of this chart; set podDisruptionBudget.maxUnavailable",
  ],
  [
    "ingress: { host: a.b, hosts: [{ host: a.b, paths: [/] }, { host: c.d, paths: [{ path: x }] }] }",
    "ingress.host: is no value of this chart; set ingress.hosts",
  ],
  [
    "",
    "ingress.hosts[0].paths: is a list of other items, and must be a list such as [{ path: /, pathType: Prefix }]",
  ],
  [
    "",
    'ingress.hosts[1].paths[0].path: is "x", and must be a path that begins with a slash, such as /health',
  ],
  [
    "httpRoute: { parentRefs: [public] }",
    "httpRoute.parentRefs: is a list of other items, and must be a list such as [{ name: public, namespace: gateways }]",
  ],
  [
    "metrics: { enabled: true, podMonitor: { interval: 30 } }",
    "metrics.enabled: is no value of this chart; set metrics.podMonitor.enabled",
  ],
  ["", "metrics.podMonitor.interval: is 30, and must be a duration such as 30s"],
  [
    "networkPolicy: { from: 10.0.0.0/8 }",
    'networkPolicy.from: is "10.0.0.0/8", and must be a list of peers, such as [{ podSelector: {} }]',
  ],
  [
    "autoscaling: { targetCPUUtilizationPercentage: 80 }",
    "autoscaling.targetCPUUtilizationPercentage: is no value of this chart; set autoscaling.targetCPU, as a quantity such as 600m",
  ],
  [
    "test: { path: health }",
    'test.path: is "health", and must be a path that begins with a slash, such as /health',
  ],
];

test(
  "the chart reports each value of a wrong form in a sentence, all of them at once",
  { skip },
  async (t) => {
    const refusal = await refusalOf(t, wrong.map(([values]) => `${values}\n`).join(""));
    const lines = [...refusal.matchAll(/^ {2}- (.*)$/gm)].map(([, line]) => line);
    assert.deepEqual(new Set(lines), new Set(wrong.map(([, line]) => line)));
  },
);

test("values of --set are checked like those of a file", { skip }, () => {
  const ports = "ports.http=65536,ports.admin=99999,app.port=65536,service.port=65536";
  const refusal = runHelm("--set", `${ports},upstream=http://a/b,image.digest=v1`);
  for (const line of [
    /- ports\.http: is 65536, and must be/,
    /- ports\.admin: is 99999, and must be/,
    /- app\.port: is 65536, and must be/,
    /- service\.port: is 65536, and must be/,
    /- upstream: is "http:\/\/a\/b", and must be/,
    /- image\.digest: is "v1", and must be sha256:…/,
  ])
    assert.match(refusal, line);
  assert.match(runHelm("--set", "ports.http=8080.5"), /ports\.http: is "?8080\.5"?, and must be/);
  assert.match(runHelm("--set", "ports.http=null"), /ports\.http: is null, and must be/);
});

test("a refusal shows no password", { skip }, async (t) => {
  const refusal = await refusalOf(
    t,
    "upstream: http://user:s3cret@app\nextraEnv: { TOKEN: s3cret }\n",
  );
  assert.match(refusal, /upstream: is "http:\/\/<hidden>@app", and must be/);
  assert.match(refusal, /extraEnv: is a mapping, and must be a list such as \[\{ name: API_URL, /);
  assert.doesNotMatch(refusal, /s3cret/);
});

test(
  "hosts and a mapping of another kind fail with their sentence, not with Go's",
  { skip },
  async (t) => {
    const values =
      "upstream: http://a\ningress: { enabled: true, hosts: [app.example.com] }\ntls: true\n";
    const refusal = await refusalOf(t, values);
    assert.match(
      refusal,
      /ingress\.hosts: is a list of other items, and must be a list such as \[\{ host: /,
    );
    assert.match(refusal, /tls: is true, and must be a mapping such as \{ secretName: app-tls \}/);
  },
);

test(
  "in a route file, helm describes the syntax instead of showing its pattern",
  { skip },
  async (t) => {
    const refusal = await refusalOf(
      t,
      `config:
  file:
    upstream: app:8000
    timeouts: { header: 10 }
    forwarded: { trust: [10.0.0.0/33] }
    routes: [{ path: health }]
`,
    );
    assert.doesNotMatch(refusal, /pattern|\^/);
    for (const [place, words] of [
      [
        "upstream",
        "an upstream URL such as http://127.0.0.1:8000, https://app or unix:/run/app.sock",
      ],
      ["timeouts.header", "a duration such as 250ms, 5s or 1m"],
      ["forwarded.trust.0", "an IP address or range such as 10.0.0.0/8 or ::1"],
      ["routes.0.path", "a path such as /health, /users/{id} or /files/*"],
    ] as const) {
      // Newer versions of helm separate keys by slashes.
      const key = `config.file.${place}`.replaceAll(".", "[./]");
      const sentence = words.replaceAll(/[.*/{}:]/g, String.raw`\$&`);
      assert.match(refusal, new RegExp(`${key}.*["']${sentence}["']`));
    }
  },
);

// Symptom: the chart accepted the PROXY protocol from an empty list of peers, and the pods did not start. Root cause: the template compared
// `forwarded` only with `off`. Fix: it also looks at the list.
test("the PROXY protocol with an empty list of trusted peers is refused", { skip }, async (t) => {
  const toValues = (trust: string): string =>
    `upstream: http://a\nproxyProtocol: optional\nconfig: { file: { forwarded: { trust: ${trust} } } }\n`;
  assert.match(
    await refusalOf(t, toValues("[]")),
    /proxyProtocol: needs the addresses of the load balancer in config\.file\.forwarded\.trust, and that list is empty/,
  );
  assert.equal(await refusalOf(t, toValues("[10.0.0.0/8]")), "");
});

test("values of a right form are accepted", { skip }, async (t) => {
  const values = `upstream: https://my-app/
bindAddress: "[::]"
service: { port: null, name: app }
image: { tag: "1.2", digest: sha256:${"a".repeat(64)} }
imagePullSecrets: [{ name: registry }]
podDisruptionBudget: { maxUnavailable: 25% }
podAnnotations: { a: "1" }
extraArgs: [--log-level=debug]
extraEnv: [{ name: A, value: "1" }, { name: B, valueFrom: { fieldRef: { fieldPath: spec.nodeName } } }]
ingress: { enabled: true, hosts: [{ host: a.b }, { host: c.d, paths: [{ path: / }] }] }
tls: { secretName: app.example.com-tls, minVersion: "1.3" }
metrics: { podMonitor: { enabled: true, interval: 1m30s } }
`;
  assert.equal(await refusalOf(t, values), "");
});
