import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import test, { type TestContext } from "node:test";

import { listCertificates } from "../../src/config/certificates.ts";
import { loadConfig } from "../../src/config/load.ts";
import { createAuthority } from "../support/authority.ts";
import { EXAMPLES, renderExample } from "../support/examples.ts";
import { assertTyped } from "../support/manifest-types.ts";
import {
  type Fields,
  type Manifest,
  chart,
  headgateOf,
  kustomize,
  missing,
  only,
  podOf,
  render,
  root,
} from "../support/manifests.ts";
import { securityViolations } from "../support/pod-security.ts";
import { makeDirectory } from "../support/route-file.ts";

const skip = missing("helm");
const kubectlIsMissing = missing("kubectl");
const components = join(root, "helm", "kustomize", "components");

for (const name of Object.keys(EXAMPLES).filter((one) => one.endsWith("after"))) {
  test(`examples, ${name}: the pod has the chart's own container`, { skip }, (t) => {
    assertHasChartsContainer(renderExample(t, name));
  });

  test(
    `examples, ${name}: requests go through headgate, and the app waits before it ends`,
    { skip },
    (t) => {
      assertIsWired(renderExample(t, name));
    },
  );
}

for (const name of Object.keys(EXAMPLES).filter((one) => one.endsWith("before"))) {
  test(
    `examples, ${name}: no headgate in the pod, and the Service sends to the app`,
    { skip },
    (t) => {
      const manifests = renderExample(t, name);
      assert.doesNotMatch(JSON.stringify(manifests), /headgate/);
      assert.equal(only(manifests, "Service")["spec"].ports[0].targetPort, 8000);
    },
  );
}

test(
  "kustomize: the native-sidecar component adds the chart's own container",
  { skip: kubectlIsMissing || skip },
  () => {
    const manifests = kustomize(join(root, "examples", "kubernetes", "kustomize", "after"));
    assertHasChartsContainer(manifests);
    assertIsWired(manifests);
    assert.match(
      only(manifests, "ConfigMap", "headgate")["data"]["headgate.yaml"],
      /path: \/files\/\*, head: pass/,
    );
  },
);

for (const component of ["native-sidecar", "sidecar"]) {
  test(
    `kustomize: the ${component} component skips what is labelled headgate.dev/skip`,
    { skip: kubectlIsMissing },
    (t) => {
      const app = {
        selector: { matchLabels: { app: "a" } },
        template: { metadata: { labels: { app: "a" } }, spec: { containers: [] } },
      };
      const manifests = kustomizeWith(
        t,
        [component],
        [
          { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "a" }, spec: app },
          {
            apiVersion: "apps/v1",
            kind: "Deployment",
            metadata: { name: "db", labels: { "headgate.dev/skip": "" } },
            spec: app,
          },
          {
            apiVersion: "v1",
            kind: "Service",
            metadata: { name: "a" },
            spec: { ports: [{ port: 80 }] },
          },
          {
            apiVersion: "v1",
            kind: "Service",
            metadata: { name: "db", labels: { "headgate.dev/skip": "" } },
            spec: { ports: [{ port: 1 }] },
          },
        ],
      );
      assert.equal(only(manifests, "Service", "a")["spec"].ports[0].targetPort, 8080);
      assert.equal(only(manifests, "Service", "db")["spec"].ports[0].targetPort, undefined);
      assertIsChartsContainer(headgateOf(only(manifests, "Deployment", "a")));
      assert.deepEqual(podOf(only(manifests, "Deployment", "db")), { containers: [] });
    },
  );
}

for (const component of ["native-sidecar", "sidecar"]) {
  test(
    `kustomize: after ${component}, the tls component puts the certificate beside the route file`,
    { skip: kubectlIsMissing || skip },
    async (t) => {
      const app = {
        selector: { matchLabels: { app: "a" } },
        template: { metadata: { labels: { app: "a" } }, spec: { containers: [] } },
      };
      const manifests = kustomizeWith(
        t,
        [component, "tls"],
        [
          { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "a" }, spec: app },
          {
            apiVersion: "v1",
            kind: "Service",
            metadata: { name: "a" },
            spec: { ports: [{ port: 443 }] },
          },
        ],
      );
      assertIsChartsContainer(headgateOf(only(manifests, "Deployment")));
      assert.equal(only(manifests, "Service")["spec"].ports[0].targetPort, 8080);
      const args = ["--set", "mode=sidecar,app.podLabels.app=a,tls.secretName=headgate-tls"];
      const volumes =
        'kind: Pod\nmetadata: { name: pod }\nspec:\n  containers: []\n  volumes:\n    {{- include "headgate.volumes" . | nindent 4 }}\n';
      const given = [
        "--set-json",
        `extraObjects=${JSON.stringify([volumes])}`,
        "--set",
        "fullnameOverride=headgate",
      ];
      assert.deepEqual(
        podOf(only(manifests, "Deployment"))?.["volumes"],
        only(render(chart, ...args, ...given), "Pod", "pod")["spec"].volumes,
      );
      const authority = createAuthority(t);
      const { cert, key } = authority.issue({ names: "DNS:app.example.com" });
      const folder = await makeDirectory(t, {
        ...only(manifests, "ConfigMap", "headgate")["data"],
        "tls.crt": cert,
        "tls.key": key,
      });
      const { config } = await loadConfig({
        flags: { config: join(folder, "headgate.yaml"), upstream: "http://a" },
        env: {},
        cwd: folder,
        unusable: "refuse",
      });
      assert.deepEqual(
        listCertificates(config).map(({ listen, names }) => [listen, names]),
        [["0.0.0.0:8080", ["app.example.com"]]],
      );
      await assertTyped(t, manifests);
    },
  );
}

/** The manifests after a user's own kustomization with one component. */
function kustomizeWith(
  t: TestContext,
  names: readonly string[],
  manifests: readonly Manifest[],
): readonly Manifest[] {
  const folder = mkdtempSync(join(tmpdir(), "headgate-kustomize-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(
    join(folder, "app.json"),
    JSON.stringify({ apiVersion: "v1", kind: "List", items: manifests }),
  );
  const kustomization = {
    resources: ["app.json"],
    components: names.map((name) => relative(folder, join(components, name))),
  };
  writeFileSync(join(folder, "kustomization.yaml"), JSON.stringify(kustomization));
  return kustomize(folder);
}

function assertHasChartsContainer(manifests: readonly Manifest[]): void {
  const deployment = only(manifests, "Deployment");
  const container = headgateOf(deployment);
  assertIsChartsContainer(container);
  const isNative = container["restartPolicy"] === "Always";
  const list: readonly Fields[] =
    podOf(deployment)?.[isNative ? "initContainers" : "containers"] ?? [];
  assert.ok(
    list.some(({ name }) => name === "headgate"),
    "a native sidecar is an init container, any other is not",
  );
}

/** The chart defines the container; copies elsewhere must not fall behind it. */
function assertIsChartsContainer(container: Fields): void {
  const isNative = container["restartPolicy"] === "Always";
  const pod =
    'apiVersion: v1\nkind: Pod\nmetadata: { name: pod }\nspec:\n  containers:\n    {{- include "headgate.sidecar" . | nindent 4 }}\n';
  const settings = {
    mode: "sidecar",
    service: { enabled: false },
    sidecar: { native: isNative },
    extraObjects: [pod],
  };
  const args = Object.entries(settings).flatMap(([key, value]) => [
    "--set-json",
    `${key}=${JSON.stringify(value)}`,
  ]);
  assert.deepEqual(
    toComparable(container),
    toComparable(headgateOf(only(render(chart, ...args), "Pod", "pod"))),
  );
  const violations = securityViolations({
    apiVersion: "v1",
    kind: "Pod",
    metadata: {},
    spec: { containers: [container] },
  });
  assert.deepEqual(violations, []);
}

/** Without order and defaults: the API server fills those in. */
function toComparable(container: Fields): Fields {
  return {
    ...container,
    imagePullPolicy: "IfNotPresent",
    env: Object.fromEntries(container["env"].map(({ name, value }: Fields) => [name, value])),
    ports: container["ports"].map((port: Fields) => ({ ...port, protocol: "TCP" })),
  };
}

function assertIsWired(manifests: readonly Manifest[]): void {
  assert.equal(only(manifests, "Service")["spec"].ports[0].targetPort, 8080);
  const deployment = only(manifests, "Deployment");
  const app = podOf(deployment)?.["containers"].find(({ name }: Fields) => name !== "headgate");
  assert.deepEqual(app.lifecycle, { preStop: { sleep: { seconds: 10 } } });
  assert.match(
    JSON.stringify(podOf(deployment)?.["volumes"]),
    /"configMap":\{"name":"(x-)?headgate"\}/,
  );
}
