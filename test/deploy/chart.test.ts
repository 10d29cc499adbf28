import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { parse } from "yaml";

import { loadConfig } from "../../src/config/load.ts";
import { createAuthority } from "../support/authority.ts";
import {
  type Fields,
  type Manifest,
  chart,
  headgateOf,
  helm,
  missing,
  only,
  podOf,
  render,
  root,
} from "../support/manifests.ts";
import { securityViolations } from "../support/pod-security.ts";
import { makeDirectory } from "../support/route-file.ts";

const skip = missing("helm");
const sidecar = ["--set", "mode=sidecar", "--set", "app.podLabels.app=my-app"];
const standalone = ["--set", "upstream=http://my-app:8000"];

test("helm lint reports nothing", { skip }, () => {
  const { status, stdout } = helm("lint", "--strict", chart, ...standalone);
  assert.equal(status, 0, stdout);
  assert.doesNotMatch(stdout, /\[(WARNING|ERROR)\]/);
});

for (const file of readdirSync(join(chart, "ci"))) {
  test(`ci/${file} renders pods that the restricted Pod Security Standard admits`, { skip }, () => {
    const manifests = render(chart, "-f", join(chart, "ci", file));
    assert.ok(manifests.length > 1);
    assert.deepEqual(manifests.flatMap(securityViolations), []);
  });

  test(`ci/${file} renders a route file that headgate loads`, { skip }, async (t) => {
    const manifests = render(chart, "-f", join(chart, "ci", file));
    const authority = createAuthority(t);
    const { cert, key } = authority.issue({ names: "DNS:app.example.com" });
    // What the chart mounts beside the route file, where it has TLS.
    const folder = await makeDirectory(t, {
      "tls.crt": cert,
      "tls.key": key,
      "client-ca.crt": authority.cert,
    });
    const routeFiles = manifests
      .filter((one) => one.kind === "ConfigMap")
      .flatMap((one) => one["data"]?.["headgate.yaml"] ?? []);
    for (const text of routeFiles) {
      const path = join(folder, "headgate.yaml");
      writeFileSync(path, text);
      const env = { HEADGATE_UPSTREAM: "http://127.0.0.1:8000", UPSTREAM: "http://my-app:8000" };
      const { config } = await loadConfig({ flags: { config: path }, env, cwd: folder });
      assert.equal(config.defaultRoute.head.mode, "convert");
    }
  });
}

test(
  "standalone is a Deployment, a Service, a ServiceAccount, a budget and a ConfigMap",
  { skip },
  () => {
    const kinds = render(chart, ...standalone, "--skip-tests").map(({ kind }) => kind);
    assert.deepEqual(kinds.toSorted(), [
      "ConfigMap",
      "Deployment",
      "PodDisruptionBudget",
      "Service",
      "ServiceAccount",
    ]);
  },
);

test("sidecar has no workload of its own", { skip }, () => {
  const kinds = render(chart, ...sidecar, "--skip-tests").map(({ kind }) => kind);
  assert.deepEqual(kinds.toSorted(), ["ConfigMap", "Service"]);
});

test(
  "a sidecar's Service selects the app's pods and goes to a port by its number",
  { skip },
  () => {
    const { spec } = only(render(chart, ...sidecar), "Service") as never as { spec: object };
    assert.deepEqual(spec, {
      type: "ClusterIP",
      selector: { app: "my-app" },
      ports: [{ name: "http", port: 80, targetPort: 8080, protocol: "TCP" }],
    });
  },
);

test("no Service, probe or policy refers to a port by its name", { skip }, () => {
  for (const file of readdirSync(join(chart, "ci"))) {
    const found = JSON.stringify(render(chart, "-f", join(chart, "ci", file))).match(
      /"(targetPort|containerPort|port)":"[^"]*"/g,
    );
    // A ServiceMonitor names a port of a Service, never one of a pod.
    assert.deepEqual(
      (found ?? []).filter((one) => one !== '"port":"metrics"'),
      [],
      file,
    );
  }
});

test("probes request only headgate's own admin port", { skip }, () => {
  const container = headgateOf(only(render(chart, ...standalone), "Deployment"));
  assert.deepEqual(container["startupProbe"].httpGet, { path: "/readyz", port: 9090 });
  assert.deepEqual(container["readinessProbe"].httpGet, { path: "/readyz", port: 9090 });
  assert.deepEqual(container["livenessProbe"].httpGet, { path: "/livez", port: 9090 });
});

test("there is a memory limit and no CPU limit", { skip }, () => {
  const { resources } = headgateOf(only(render(chart, ...standalone), "Deployment")) as never as {
    resources: { limits: object };
  };
  assert.deepEqual(Object.keys(resources.limits), ["memory"]);
});

test("the route file's folder is mounted, never the file", { skip }, () => {
  const deployment = only(render(chart, ...standalone), "Deployment");
  assert.deepEqual(headgateOf(deployment)["volumeMounts"], [
    { name: "headgate", mountPath: "/etc/headgate", readOnly: true },
  ]);
  assert.deepEqual(podOf(deployment)?.["volumes"], [
    { name: "headgate", configMap: { name: "x-headgate" } },
  ]);
});

test("a changed route file replaces pods only if reload is rollout", { skip }, () => {
  const annotations = (...args: readonly string[]): object | undefined =>
    only(render(chart, ...standalone, ...args), "Deployment")["spec"].template.metadata.annotations;
  const route = (path: string) => ["--set", `config.file.routes[0].path=${path}`];
  assert.equal(annotations(), undefined);
  assert.notDeepEqual(
    annotations("--set", "config.reload=rollout", ...route("/a")),
    annotations("--set", "config.reload=rollout", ...route("/b")),
  );
});

test("the test's pod is no endpoint of the Service", { skip }, () => {
  const manifests = render(chart, ...standalone);
  const { selector } = only(manifests, "Service")["spec"];
  const { labels } = only(manifests, "Pod").metadata as never as { labels: Record<string, string> };
  assert.ok(Object.entries(selector).some(([key, value]) => labels[key] !== value));
});

test(
  "a PodDisruptionBudget over a single replica is left out: it would only block its node",
  { skip },
  () => {
    assert.ok(
      !render(chart, ...standalone, "--set", "replicas=1").some(
        ({ kind }) => kind === "PodDisruptionBudget",
      ),
    );
  },
);

// A policy that named only the app's port closed its other ports too: metrics, a second listener, UDP.
test(
  "the network policies leave open headgate's ports, the app's for headgate alone, and the app's others for everyone",
  { skip },
  () => {
    const args = [
      ...standalone,
      "--set",
      "networkPolicy.enabled=true",
      "--set",
      "app.podLabels.app=my-app",
    ];
    const manifests = render(chart, ...args);
    const own = only(manifests, "NetworkPolicy", "x-headgate")["spec"];
    const app = only(manifests, "NetworkPolicy", "x-headgate-app")["spec"];
    assert.deepEqual(
      own.ingress.flatMap(({ ports }: { ports: { port: number }[] }) =>
        ports.map(({ port }) => port),
      ),
      [8080, 9090],
    );
    assert.deepEqual(app.podSelector.matchLabels, { app: "my-app" });
    assert.deepEqual(app.ingress, [
      { ports: [{ port: 8000, protocol: "TCP" }], from: [{ podSelector: own.podSelector }] },
      {
        ports: [
          { port: 1, endPort: 7999, protocol: "TCP" },
          { port: 8001, endPort: 65535, protocol: "TCP" },
          { port: 1, endPort: 65535, protocol: "UDP" },
        ],
      },
    ]);
  },
);

// `helm test` timed out if only an Ingress controller was admitted.
test("a policy that names clients admits the pod of `helm test` too", { skip }, () => {
  const from = [
    "--set",
    "networkPolicy.enabled=true,networkPolicy.from[0].ipBlock.cidr=10.0.0.0/8",
  ];
  for (const mode of [[...standalone, "--set", "app.podLabels.app=my-app"], sidecar]) {
    const manifests = render(chart, ...mode, ...from);
    const [requests] = only(manifests, "NetworkPolicy", "x-headgate")["spec"].ingress;
    const [given, tester] = requests.from;
    assert.deepEqual(given, { ipBlock: { cidr: "10.0.0.0/8" } });
    const { labels } = only(manifests, "Pod").metadata as never as { labels: Fields };
    for (const [key, value] of Object.entries(tester.podSelector.matchLabels))
      assert.equal(labels[key], value);
  }
});

test(
  "docs/kubernetes.md shows an Ingress and an HTTPRoute that the chart renders",
  { skip },
  (t) => {
    const page = readFileSync(join(root, "docs", "kubernetes.md"), "utf8");
    for (const [kind, key] of [
      ["Ingress", "ingress"],
      ["HTTPRoute", "httpRoute"],
    ] as const) {
      const [, values = ""] = new RegExp(`\`\`\`yaml\n(${key}:[^\`]*)\`\`\``).exec(page) ?? [];
      const folder = mkdtempSync(join(tmpdir(), "headgate-values-"));
      t.after(() => rmSync(folder, { recursive: true, force: true }));
      writeFileSync(join(folder, "values.yaml"), values);
      const manifests = render(chart, ...standalone, "-f", join(folder, "values.yaml"));
      assert.match(
        JSON.stringify(only(manifests, kind)["spec"]),
        /app\.example\.com.*"x-headgate"/,
      );
    }
  },
);

test("for the lowest and the highest app port there is one range beside it", { skip }, () => {
  const tcpRanges = (port: number): unknown => {
    const enabled = ["--set", `networkPolicy.enabled=true,app.podLabels.app=a,app.port=${port}`];
    const policy = only(
      render(chart, ...standalone, ...enabled),
      "NetworkPolicy",
      "x-headgate-app",
    );
    return policy["spec"].ingress[1].ports.slice(0, -1);
  };
  assert.deepEqual(tcpRanges(1), [{ port: 2, endPort: 65535, protocol: "TCP" }]);
  assert.deepEqual(tcpRanges(65535), [{ port: 1, endPort: 65534, protocol: "TCP" }]);
});

test("an Ingress sends its hosts to the Service, by default all paths", { skip }, () => {
  const values = { enabled: true, hosts: [{ host: "app.example.com" }] };
  const args = ["--set-json", `ingress=${JSON.stringify(values)}`, "--set", "service.name=front"];
  for (const mode of [standalone, sidecar]) {
    const backend = { service: { name: "front", port: { number: 80 } } };
    assert.deepEqual(only(render(chart, ...mode, ...args), "Ingress")["spec"], {
      rules: [
        {
          host: "app.example.com",
          http: { paths: [{ path: "/", pathType: "Prefix", backend }] },
        },
      ],
    });
  }
});

test("an HTTPRoute sends every rule of its Gateway to the Service", { skip }, () => {
  const values = { enabled: true, parentRefs: [{ name: "public" }], hostnames: ["a.example.com"] };
  const args = ["--set-json", `httpRoute=${JSON.stringify(values)}`, "--set", "service.port=81"];
  for (const mode of [standalone, sidecar]) {
    assert.deepEqual(only(render(chart, ...mode, ...args), "HTTPRoute")["spec"], {
      parentRefs: [{ name: "public" }],
      hostnames: ["a.example.com"],
      rules: [
        {
          matches: [{ path: { type: "PathPrefix", value: "/" } }],
          backendRefs: [{ name: "x-headgate", port: 81 }],
        },
      ],
    });
  }
});

// The default's rollingUpdate stayed beside `type: Recreate`, which the API server refuses.
test("a Deployment that is recreated has no rollingUpdate", { skip }, () => {
  const deployment = render(chart, ...standalone, "--set", "strategy.type=Recreate");
  assert.deepEqual(only(deployment, "Deployment")["spec"].strategy, { type: "Recreate" });
});

// A mapping without a URL counted as an upstream, so a sidecar with `upstream: { keepAlive: 4s }` had none and did not start.
test("settings of the route file's upstream leave its URL to the chart", { skip }, () => {
  const upstreamOf = (...args: readonly string[]): unknown =>
    containerOf(...sidecar, ...args)["env"].find(
      ({ name }: { name: string }) => name === "HEADGATE_UPSTREAM",
    )?.value;
  const settings = ["--set", "config.file.upstream.keepAlive=4s"];
  assert.equal(upstreamOf(...settings), "http://127.0.0.1:8000");
  const withUrl = [...settings, "--set", "config.file.upstream.url=http://127.0.0.1:5000"];
  assert.equal(upstreamOf(...withUrl), undefined);
});

test("dashboard and rules come from the chart's files", { skip }, () => {
  const manifests = render(
    chart,
    ...sidecar,
    "--set",
    "dashboard.enabled=true",
    "--set",
    "prometheusRule.enabled=true",
  );
  const dashboard = only(manifests, "ConfigMap", "x-headgate-dashboard");
  assert.equal(dashboard.metadata["labels"].grafana_dashboard, "1");
  const file = readFileSync(join(chart, "files", "dashboards", "headgate.json"), "utf8");
  assert.deepEqual(JSON.parse(dashboard["data"]["headgate.json"]), JSON.parse(file));
  assert.ok(only(manifests, "PrometheusRule")["spec"].groups.length > 0);
});

test("the injection policy has the chart's own container and volume", { skip }, () => {
  const settings = [...sidecar, "--set", "extraEnv[0].name=A", "--set", "extraEnv[0].value=b"];
  const tls = ["--set", "tls.secretName=a,tls.clientCASecretName=b"];
  for (const [list, more] of [
    ["initContainers", []],
    ["containers", []],
    ["initContainers", tls],
  ] as const) {
    const kind = ["--set", `sidecar.native=${list === "initContainers"}`, ...more];
    const manifests = render(chart, ...settings, ...kind, "--set", "injection.enabled=true");
    const { expression } = only(manifests, "MutatingAdmissionPolicy")["spec"].mutations[0]
      .jsonPatch;
    const added = [...expression.matchAll(/path: "([^"]+\/-)", value: (.*?)}\](?: \+|$)/gs)];
    assert.deepEqual(
      added.map(([, path, value]) => [path, fromCel(value)]),
      [
        [`/spec/${list}/-`, containerOf(...settings, ...kind)],
        ["/spec/volumes/-", volumeOf(...settings, ...kind)],
      ],
    );
    assert.deepEqual(wrongTypes(added[0]?.[2], `Object.spec.${list}`), []);
    assert.deepEqual(wrongTypes(added[1]?.[2], "Object.spec.volumes"), []);
  }
});

/** The container as another chart gets it by include. */
function containerOf(...args: readonly string[]): Fields {
  return headgateOf(includingPod(args));
}

/** The volume as another chart's include gets it. */
function volumeOf(...args: readonly string[]): unknown {
  return includingPod(args)["spec"].volumes[0];
}

function includingPod(args: readonly string[]): Manifest {
  const pod =
    'apiVersion: v1\nkind: Pod\nmetadata: { name: pod }\nspec:\n  containers:\n    {{- include "headgate.sidecar" . | nindent 4 }}\n  volumes:\n    {{- include "headgate.volumes" . | nindent 4 }}\n';
  const objects = ["--set-json", `extraObjects=${JSON.stringify([pod])}`];
  return only(render(chart, ...args, ...objects), "Pod", "pod");
}

/** Object literals of CEL are JSON, except for the type before the brace and the keys without quotes. */
function fromCel(text: string): unknown {
  return JSON.parse(
    text.replaceAll(/Object[\w.]*\{/g, "{").replaceAll(/([{ ])(\w+): /g, '$1"$2": '),
  );
}

/** The types in the literal that do not begin with the root type, or that name no path below it. */
function wrongTypes(text: string, type: string): readonly string[] {
  const types = [...text.matchAll(/(?:(\w+): \[?)?(Object[\w.]*)\{/g)];
  return types.flatMap(([, key, found = ""]) =>
    found === type ||
    (found.startsWith(`${type}.`) && (key === undefined || found.endsWith(`.${key}`)))
      ? []
      : found,
  );
}

test("the injection uses the beta API if the cluster has no other", { skip }, () => {
  const beta = "admissionregistration.k8s.io/v1beta1/MutatingAdmissionPolicy";
  const manifests = render(
    chart,
    ...sidecar,
    "--set",
    "injection.enabled=true",
    "--api-versions",
    beta,
  );
  assert.equal(
    only(manifests, "MutatingAdmissionPolicy").apiVersion,
    "admissionregistration.k8s.io/v1beta1",
  );
});

test("the notes name the Service to use, and the app container's preStop", { skip }, () => {
  // `helm install --dry-run` would query a cluster; any template may include the notes.
  const notes =
    'kind: ConfigMap\nmetadata: { name: notes }\ndata: { text: {{ include "headgate/templates/NOTES.txt" . | toJson }} }\n';
  const read = (...args: readonly string[]): string => {
    const given = ["--set-json", `extraObjects=${JSON.stringify([notes])}`];
    return only(render(chart, ...args, ...given), "ConfigMap", "notes")["data"].text;
  };
  assert.match(read(...standalone), /http:\/\/x-headgate\.web:80/);
  assert.match(
    read(...sidecar),
    /\{\{- include "headgate\.sidecar" \.Subcharts\.headgate \| nindent 8 \}\}/,
  );
  assert.match(read(...sidecar), /preStop: \{ sleep: \{ seconds: 10 \} \}/);
  // Symptom: a limit of 64Mi passed without a word, though the documents begin with 96 MiB. It may be enough for little traffic.
  const withMemory = (limit: string) =>
    read(...standalone, "--set", `resources.limits.memory=${limit},resources.requests.memory=32Mi`);
  assert.match(withMemory("64Mi"), /^WARNING: resources\.limits\.memory is 64Mi\..* 96Mi\.$/m);
  for (const enough of ["96Mi", "101M", "1Gi"]) assert.doesNotMatch(withMemory(enough), /WARNING/);
  assert.doesNotMatch(read(...standalone, "--set", "resources=null"), /WARNING/);
});

// At SIGTERM headgate closed idle connections at once. A client on a kept connection does not learn that the endpoint is gone, so its next
// request could meet the close: up to 25 of 32 clients lost one.
test("if a pod ends while clients stay, headgate tells them to leave first", { skip }, () => {
  const shutdownOf = (...args: readonly string[]): unknown => {
    const { data } = only(render(chart, ...args), "ConfigMap") as never as { data: Fields };
    return (parse(data["headgate.yaml"]) as Fields)["shutdown"];
  };
  const grace = ["--set", "config.file.shutdown.grace=20s"];
  const delay = ["--set", "config.file.shutdown.delay=0s"];
  assert.deepEqual(shutdownOf(...standalone), { delay: "1s" });
  assert.deepEqual(shutdownOf(...standalone, ...grace), { delay: "1s", grace: "20s" });
  assert.deepEqual(shutdownOf(...standalone, ...delay), { delay: "0s" });
  assert.equal(shutdownOf(...standalone, "--set", "shutdown.delaySeconds=0"), undefined);
  assert.equal(shutdownOf(...standalone, "--set", "config.file=head: pass"), undefined);
  // A native sidecar ends after its app has ended.
  assert.equal(shutdownOf(...sidecar), undefined);
  assert.deepEqual(shutdownOf(...sidecar, "--set", "sidecar.native=false"), { delay: "1s" });
});

test("an older cluster gets no preStop.sleep, which it would refuse", { skip }, () => {
  const lifecycle = (version: string): unknown =>
    headgateOf(only(render(chart, ...standalone, "--kube-version", version), "Deployment"))[
      "lifecycle"
    ];
  assert.equal(lifecycle("1.29.0"), undefined);
  assert.deepEqual(lifecycle("1.30.0"), { preStop: { sleep: { seconds: 5 } } });
});
