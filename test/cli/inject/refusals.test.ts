/** inject refuses what it does not understand, with line and column, and does not guess. */

import assert from "node:assert/strict";
import test from "node:test";

import { injectInto } from "../../../src/cli/inject/inject.ts";
import { MANIFESTS } from "../../support/inject-manifests.ts";
import { OPTIONS, WITH_FILE, injected, refusal, removed } from "../../support/inject.ts";
import { messageOf } from "../../support/route-file.ts";

const plain = MANIFESTS["plain"] ?? "";

function deployment(pod: string, before = ""): string {
  return `${before}apiVersion: apps/v1
kind: Deployment
metadata: { name: app }
spec:
  selector: { matchLabels: { app: app } }
  template:
    metadata: { labels: { app: app } }
${pod}`;
}

const CONTAINERS =
  "      containers: [{ name: app, image: app, ports: [{ containerPort: 8000 }] }]\n";

const REFUSED: readonly (readonly [string, string, RegExp])[] = [
  [
    "a pod spec behind an alias",
    deployment("    spec: *pod\n", "x: &pod { containers: [] }\n"),
    /^f\.yaml:9:11 Deployment\/app: an alias stands where headgate has to add to/,
  ],
  // Symptom: a file with an alias of nothing was changed, though no reader of YAML takes it. Root cause: the yaml package looks for
  // anchors only where it makes plain values. Fix: an alias needs its anchor before it.
  [
    "an alias without an anchor",
    deployment(`    spec:\n${CONTAINERS}`, "x: *none\n"),
    /^f\.yaml:1:4: there is no &none before this alias\n/,
  ],
  [
    "an alias before its anchor",
    deployment(`    spec:\n${CONTAINERS}`, "x: *later\ny: &later 1\n"),
    /^f\.yaml:1:4: there is no &later before this alias\n/,
  ],
  [
    "a text that is nested too deeply",
    `a: ${"[".repeat(5_000)}${"]".repeat(5_000)}`,
    /^f\.yaml:1:\d+: is nested too deeply/,
  ],
  [
    "a pod spec that an alias repeats elsewhere",
    `${deployment(`    spec: &pod\n${CONTAINERS}`)}other: *pod\n`,
    /^f\.yaml:10:8 Deployment\/app: repeats what headgate has to change at &pod/,
  ],
  [
    "a pod spec with a merge key",
    deployment(`    spec:\n      <<: *pod\n${CONTAINERS}`, "x: &pod { dnsPolicy: Default }\n"),
    /^f\.yaml:10:7 Deployment\/app: the pod spec has a merge key/,
  ],
  [
    "a pod spec behind a merge key",
    deployment("    <<: *template\n", "x: &template { spec: { containers: [] } }\n"),
    /^f\.yaml:9:5 Deployment\/app: a merge key stands where headgate has to add to/,
  ],
  [
    "a template in a value",
    deployment(
      "    spec:\n      containers:\n        - name: app\n          image: {{ .Values.image }}\n",
    ),
    /^f\.yaml:11:18 Deployment\/app: is a template; render it first, such as: helm template/,
  ],
  [
    "a template in a plain text",
    deployment(
      "    spec:\n      containers:\n        - name: app\n          image: app:{{ .Values.tag }}\n",
    ),
    /^f\.yaml:11:18 Deployment\/app: is a template/,
  ],
  [
    "a template in a line of its own",
    deployment(`    spec:\n{{- if .Values.on }}\n${CONTAINERS}{{- end }}\n`),
    /^f\.yaml:9:1: is a template/,
  ],
  ["broken YAML", "a: [\n", /^f\.yaml:2:1: flow sequence/],
  [
    "a key that is written twice",
    deployment(`    spec:\n${CONTAINERS}${CONTAINERS}`),
    /^f\.yaml:10:7: .*unique/,
  ],
  [
    "a pod without containers",
    deployment("    spec: { containers: [] }\n"),
    /^f\.yaml:8:11 .*has no containers/,
  ],
  [
    "ports of which any may be the app's",
    deployment(
      "    spec:\n      containers: [{ name: app, image: a, ports: [{ containerPort: 8000 }, { containerPort: 8001 }] }]\n",
    ),
    /^f\.yaml:9:19 .*the app may listen on 8000 or 8001; give --upstream-port/,
  ],
  [
    "no port",
    deployment("    spec:\n      containers: [{ name: app, image: a }]\n"),
    /^f\.yaml:9:19 .*declares no containerPort; give --upstream-port/,
  ],
  [
    "a database",
    deployment(
      "    spec:\n      containers: [{ name: a, image: a, ports: [{ containerPort: 6379 }] }]\n",
    ),
    /port 6379 is probably Redis, and headgate speaks HTTP\/1\.1 without TLS/,
  ],
  [
    "annotations behind an alias",
    deployment(`    spec:\n${CONTAINERS}`, "x: &a {}\n").replace(
      "metadata: { name: app }",
      "metadata: { name: app, annotations: *a }",
    ),
    /^f\.yaml:4:37 Deployment\/app: an alias stands/,
  ],
];

for (const [what, text, expected] of REFUSED) {
  test(`inject refuses ${what}, and names its place`, () => {
    assert.match(refusal(text), expected);
  });
}

test("every refusal of the input is reported at once", () => {
  const text = deployment("    spec: { containers: [] }\n");
  assert.equal(refusal(`${text}---\n${text}`).match(/has no containers/g)?.length, 2);
});

test("an ordinary sidecar would keep a Job running", () => {
  const text = MANIFESTS["a CronJob"] ?? "";
  assert.match(refusal(text, { ...OPTIONS, isNative: false }), /would never complete/);
});

test("a port that the pod uses is refused if the operator set it, and left out otherwise", () => {
  const text = MANIFESTS["headgate's own ports taken"] ?? "";
  assert.match(refusal(text, { ...OPTIONS, port: 8080 }), /port 8080 is used in this pod already/);
  assert.match(injected(text), /0\.0\.0\.0:8081[^]*0\.0\.0\.0:9091/);
});

test("a ConfigMap cannot follow a JSON object", () => {
  const [item] = (JSON.parse(MANIFESTS["a JSON List"] ?? "") as { items: object[] }).items;
  assert.match(refusal(JSON.stringify(item), WITH_FILE), /^f\.yaml:1:1 .*make it a List/);
});

test("a ConfigMap with the name that inject would use is refused", () => {
  const other = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: app-headgate }\n";
  assert.match(refusal(plain + other, WITH_FILE), /ConfigMap\/app-headgate: has the name/);
});

test("a Service that also leads to a pod without headgate is refused", () => {
  const other = plain.split("---\n")[0]?.replace("name: app", "name: canary") ?? "";
  const options = { ...OPTIONS, only: new Set(["app"]) };
  assert.match(
    refusal(`${plain}---\n${other}`, options),
    /Service\/app: leads to Deployment\/canary too/,
  );
  assert.match(injected(`${plain}---\n${other}`), /targetPort: 8080/);
});

test("a workload that --only leaves out need not be understood", () => {
  const patch = `---\n${deployment("    spec: { containers: [] }\n").replace("name: app }", "name: patch }")}`;
  assert.match(refusal(plain + patch), /Deployment\/patch: has no containers/);
  const only = new Set(["app"]);
  assert.equal(injected(plain + patch, { ...OPTIONS, only }), injected(plain) + patch);
});

test("a pod that has headgate by other means stays unchanged", () => {
  const text = plain.replace("name: app\n          image", "name: headgate\n          image");
  const outcome = injectInto([{ name: "f.yaml", text }], OPTIONS);
  assert.equal(outcome.files[0]?.text, text);
  assert.equal(outcome.isThereAlready, true);
});

test("an anchor may stand at a key", () => {
  const text = deployment(`    spec:\n${CONTAINERS}`, "&k key: 1\n? [&m a]\n: b\nx: [*k, *m]\n");
  assert.equal(removed(injected(text)), text);
});

test("a workload labelled headgate.dev/skip stays unchanged", () => {
  const text = plain.replace(
    "  name: app\nspec",
    "  name: app\n  labels: { headgate.dev/skip: '' }\nspec",
  );
  const { files, skipped } = injectInto([{ name: "f.yaml", text }], OPTIONS);
  assert.equal(files[0]?.text, text);
  assert.deepEqual(skipped, ["f.yaml: Deployment/app: is labelled headgate.dev/skip"]);
});

test("other changes of an injected file stay when headgate is removed", () => {
  const edit = (text: string) =>
    text
      .replace("image: example.com/app:1", "image: example.com/app:2 # newer")
      .replace("      containers:\n", "      # mine\n      containers:\n")
      .replace("apiVersion: apps/v1\n", "# top\napiVersion: apps/v1\n");
  assert.equal(removed(edit(injected(plain, WITH_FILE))), edit(plain));
});

const CHANGED: readonly (readonly [string, string, string, RegExp])[] = [
  [
    "the container",
    "cpu: 25m",
    "cpu: 50m",
    /^f\.yaml:\d+:\d+ Deployment\/app: is not as inject wrote it any more/,
  ],
  [
    "the volume",
    "name: app-headgate\n---",
    "name: mine\n---",
    /Deployment\/app: is not as inject wrote it/,
  ],
  [
    "the Service's port",
    "targetPort: 8080",
    "targetPort: 8081",
    /Service\/app: is not as inject wrote it/,
  ],
  [
    "the ConfigMap",
    "path: /files/*",
    "path: /other/*",
    /ConfigMap\/app-headgate: is not as inject wrote it/,
  ],
  [
    "the container's name",
    "- name: headgate\n          image",
    "- name: hg\n          image",
    /the container that inject wrote is gone/,
  ],
  ["the annotation", `'{"own"`, `'{"own`, /headgate\.dev\/injected is not as inject wrote it/],
];

for (const [what, from, to, expected] of CHANGED) {
  test(`--remove and another inject refuse if ${what} was changed`, async () => {
    const text = injected(plain, WITH_FILE);
    assert.ok(text.includes(from));
    const edited = text.replace(from, to);
    assert.match(await messageOf(Promise.resolve().then(() => removed(edited))), expected);
    assert.match(refusal(edited, WITH_FILE), expected);
  });
}

test("another inject with other flags replaces the output of the first one", () => {
  const first = injected(plain, WITH_FILE);
  const options = { ...OPTIONS, image: "example.com/mirror/headgate:2", port: 8888 };
  assert.equal(injected(first, options), injected(plain, options));
});

// Symptom: a pod with `--port 80` never became ready. Root cause: headgate runs as user 65532, who may not listen below 1024 in most
// clusters, and only the chart refused it. Fix: so does inject, unless the user is root.
test("a port that only root may listen on is refused in a pod", () => {
  const options = { ...OPTIONS, port: 80 };
  assert.match(refusal(plain, options), /Deployment\/app: port 80 needs root/);
  const asRoot = new Map([...OPTIONS.settings, ["securityContext.runAsUser", 0] as const]);
  assert.match(injected(plain, { ...options, settings: asRoot }), /value: "?0\.0\.0\.0:80"?$/m);
});

// Symptom: a Service for gRPC or HTTP/2 led to headgate, which speaks HTTP/1.1. Root cause: only the names of ports told their
// protocol. Fix: `appProtocol`, and Compose's `app_protocol`, say it themselves.
test("a port whose protocol is written as another one than HTTP/1.1 is not the app's", () => {
  const service = (protocol: string) => `${deployment(`    spec:\n${CONTAINERS}`)}---
apiVersion: v1
kind: Service
metadata: { name: app }
spec:
  selector: { app: app }
  ports: [{ name: web, port: 80, targetPort: 8000, appProtocol: ${protocol} }]
`;
  for (const protocol of ["kubernetes.io/h2c", "grpc", "HTTPS", "kubernetes.io/wss"])
    assert.match(
      refusal(service(protocol)),
      new RegExp(`Deployment/app: port 8000 is probably ${protocol}, and headgate speaks HTTP/1.1`),
    );
  for (const protocol of ["http", "HTTP", "kubernetes.io/ws", '""'])
    assert.equal(removed(injected(service(protocol))), service(protocol));
  const compose = (protocol: string) =>
    `services:\n  a: { ports: [{ target: 8000, published: 80, app_protocol: ${protocol} }] }\n`;
  assert.match(refusal(compose("grpc")), /no service publishes a port/);
  assert.equal(removed(injected(compose("http"))), compose("http"));
});

// Symptom: a pod for Windows got a container of a Linux image, with a securityContext that the API server refuses there.
// Root cause: nothing looked at the pod's system. Fix: such a workload stays as it is, and inject says so.
test("a workload for Windows stays as it is", () => {
  for (const line of [
    "os: { name: windows }",
    "nodeSelector: { kubernetes.io/os: windows }",
    "nodeSelector: { beta.kubernetes.io/os: windows }",
  ]) {
    const text = deployment(`    spec:\n      ${line}\n${CONTAINERS}`);
    const { files, skipped } = injectInto([{ name: "f.yaml", text }], OPTIONS);
    assert.equal(files[0]?.text, text, line);
    assert.deepEqual(skipped, [
      "f.yaml: Deployment/app: is for Windows, and headgate's image is for Linux",
    ]);
  }
});

// Symptom: the process ended with a stack trace where the changed text was no YAML: behind a list in an unusual mapping, for example.
// Root cause: the check of one's own work took for granted that the changed text can be read.
// Fix: a changed text that cannot be read cannot be undone either, and is refused as such.
test("a text whose change would break it is refused, and stays", () => {
  const text = `apiVersion: v1
kind: Pod
metadata: { name: app }
spec:
  containers:
  - name: app
    ports:
    ? x
    - containerPort: 80
  volumes: []
`;
  assert.equal(
    refusal(text, { ...OPTIONS, isNative: false, upstreamPort: 8000 }),
    "f.yaml: inject could not be undone here, so nothing was written",
  );
});
