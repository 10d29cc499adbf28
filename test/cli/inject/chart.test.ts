/** The chart and inject have one container: both add the same to a pod. */

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { type TestContext } from "node:test";
import { parse } from "yaml";

import { DEFAULTS, readSettings } from "../../../src/cli/inject/settings.ts";
import { MANIFESTS } from "../../support/inject-manifests.ts";
import { OPTIONS, VERSION, WITH_FILE, injected } from "../../support/inject.ts";
import {
  type Fields,
  type Manifest,
  chart,
  headgateOf,
  helm,
  missing,
  only,
  podOf,
  readManifests,
} from "../../support/manifests.ts";

/** A pod of another chart, with headgate's chart below it. */
function rendered(t: TestContext, list: string, ...args: readonly string[]): Manifest {
  const folder = mkdtempSync(join(tmpdir(), "headgate-inject-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "templates"));
  cpSync(chart, join(folder, "charts", "headgate"), { recursive: true });
  const dependency = `dependencies: [{ name: headgate, version: ${VERSION} }]`;
  writeFileSync(
    join(folder, "Chart.yaml"),
    `apiVersion: v2\nname: app\nversion: 1.0.0\n${dependency}\n`,
  );
  writeFileSync(
    join(folder, "templates", "pod.yaml"),
    `apiVersion: v1
kind: Pod
metadata: { name: app }
spec:
  ${list}:
    {{- include "headgate.sidecar" .Subcharts.headgate | nindent 4 }}
  volumes:
    {{- include "headgate.volumes" .Subcharts.headgate | nindent 4 }}
`,
  );
  const sidecar = ["headgate.mode=sidecar", "headgate.app.podLabels.app=app"];
  const set = [...sidecar, "headgate.fullnameOverride=app-headgate"].join(",");
  const { status, stdout, stderr } = helm("template", "x", folder, "--set", set, ...args);
  assert.equal(status, 0, stderr);
  return only(readManifests(stdout), "Pod", "app");
}

function deploymentOf(text: string): Manifest {
  return only(readManifests(text), "Deployment");
}

const plain = MANIFESTS["plain"] ?? "";

test("a native sidecar equals the chart's", { skip: missing("helm") }, (t) => {
  const pod = rendered(t, "initContainers", "--kube-version", "1.36.0");
  const deployment = deploymentOf(injected(plain, WITH_FILE));
  assert.deepEqual(headgateOf(deployment), headgateOf(pod));
  assert.deepEqual(podOf(deployment)?.["volumes"], podOf(pod)?.["volumes"]);
});

test(
  "an ordinary sidecar equals the chart's for an old cluster",
  { skip: missing("helm") },
  (t) => {
    const set = ["--set", "headgate.sidecar.native=false", "--kube-version", "1.28.0"];
    const pod = rendered(t, "containers", ...set);
    const deployment = deploymentOf(injected(plain, { ...WITH_FILE, isNative: false }));
    assert.deepEqual(headgateOf(deployment), headgateOf(pod));
  },
);

test(
  "settings do the same as the chart's values with the same name",
  { skip: missing("helm") },
  (t) => {
    const given = [
      "ports.admin=9191",
      "bindAddress=[::]",
      "image.pullPolicy=Always",
      "resources.limits.memory=256Mi",
      "resources.limits.cpu=500m",
      "securityContext.runAsUser=1000",
      "livenessProbe.periodSeconds=20",
    ];
    const values = given.flatMap((one) => ["--set", `headgate.${one}`]);
    const pod = rendered(t, "initContainers", "--kube-version", "1.36.0", ...values);
    const settings = readSettings(given);
    assert.deepEqual(
      headgateOf(deploymentOf(injected(plain, { ...WITH_FILE, settings }))),
      headgateOf(pod),
    );
  },
);

test("the chart's delay of an ordinary sidecar can be set", { skip: missing("helm") }, (t) => {
  const set = ["--set", "headgate.sidecar.native=false", "--kube-version", "1.36.0"];
  const pod = rendered(t, "containers", ...set);
  const settings = readSettings(["shutdown.delaySeconds=5"]);
  const deployment = deploymentOf(injected(plain, { ...WITH_FILE, isNative: false, settings }));
  assert.deepEqual(headgateOf(deployment), headgateOf(pod));
});

test("without a route file the container has neither its variable nor its volume", () => {
  const { env, volumeMounts, ...rest } = headgateOf(deploymentOf(injected(plain, OPTIONS)));
  const {
    env: others,
    volumeMounts: _,
    ...expected
  } = headgateOf(deploymentOf(injected(plain, WITH_FILE)));
  assert.equal(volumeMounts, undefined);
  assert.deepEqual(
    env,
    others.filter(({ name }: Fields) => name !== "HEADGATE_CONFIG"),
  );
  assert.deepEqual(rest, expected);
});

test("the defaults of --set are the chart's values", () => {
  const values = parse(readFileSync(join(chart, "values.yaml"), "utf8")) as Fields;
  for (const [key, value] of DEFAULTS) {
    if (key === "shutdown.delaySeconds") continue; // the reason is beside it
    const standard = key
      .split(".")
      .reduce<Fields | undefined>((part, name) => part?.[name], values);
    assert.equal(standard, value, key);
  }
});
