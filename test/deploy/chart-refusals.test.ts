/** Values that the chart refuses, each with a message that says what to set instead. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { parse } from "yaml";

import { type Fields, chart, helm, missing, root } from "../support/manifests.ts";

const skip = missing("helm");

/** Settings as `--set` takes them: `a.b=c,d=e`. */
const sidecar = "mode=sidecar,app.podLabels.app=my-app";
const standalone = "upstream=http://my-app:8000";

const refused: readonly (readonly [string, string, RegExp])[] = [
  // By values.schema.json. Only the place is compared: newer versions of helm have another validator, with its own messages.
  ["an unknown key", "replicaCounts=3", /replicaCounts/],
  ["an unknown key below", "image.named=a", /image'?: .*\bnamed\b/],
  ["an unknown mode", "mode=daemon", /mode.*standalone.*sidecar/],
  ["a probe's path", "readinessProbe.path=/", /readinessProbe'?: .*\bpath\b/],
  [
    "a liveness probe that must succeed twice",
    "livenessProbe.successThreshold=2",
    /livenessProbe[./]successThreshold/,
  ],
  [
    "a readiness probe's grace period",
    "readinessProbe.terminationGracePeriodSeconds=5",
    /readinessProbe'?: .*terminationGracePeriodSeconds/,
  ],
  [
    "a rule of an HTTPRoute with a backend of its own",
    "httpRoute.rules[0].backendRefs[0].name=a",
    /httpRoute[./]rules[./]0[./]backendRefs/,
  ],

  // Ports and addresses.
  [
    "equal ports",
    `${standalone},ports.admin=8080`,
    /ports: http and admin are both 8080; set two different ports/,
  ],
  [
    "a sidecar on the app's port",
    `${sidecar},app.port=8080`,
    /ports\.http: 8080 is the app's port too/,
  ],
  [
    "a sidecar's admin port on the app's port",
    `${sidecar},app.port=9090`,
    /ports\.admin: 9090 is the app's port too/,
  ],
  [
    "an address that no probe reaches",
    `${standalone},bindAddress=127.0.0.1`,
    /bindAddress: 127\.0\.0\.1 is reachable only from within the pod/,
  ],

  // The route file.
  [
    "a route file beside an existing ConfigMap",
    `${standalone},config.file.head=pass,config.existingConfigMap=a`,
    /config: file and existingConfigMap are both set/,
  ],
  [
    "a route file that is no YAML",
    String.raw`${standalone},config.file=a: [`,
    /config\.file: is no YAML mapping: .*line 1/,
  ],
  [
    "a listen address that would be overridden",
    `${standalone},config.file.listen=:8081`,
    /config\.file\.listen: the chart overrides it \(HEADGATE_LISTEN\); remove it, and set ports\.http and bindAddress/,
  ],
  [
    "a listen address in a text",
    `${standalone},config.file=listen: :8081`,
    /config\.file\.listen: the chart overrides it/,
  ],
  [
    "an admin address that would be overridden",
    `${standalone},config.file.admin=:9091`,
    /config\.file\.admin: the chart overrides it \(HEADGATE_ADMIN\).*; remove it, and set ports\.admin and bindAddress/,
  ],
  [
    "rollouts for a ConfigMap that the chart does not see",
    `${standalone},config.existingConfigMap=a,config.reload=rollout`,
    /config\.reload: rollout has no effect with existingConfigMap/,
  ],
  [
    "rollouts of injected sidecars",
    `${sidecar},injection.enabled=true,config.reload=rollout`,
    /config\.reload: rollout has no effect with injection/,
  ],

  // TLS, HTTP/2 and the PROXY protocol.
  ["an unknown key of TLS", "tls.cert=a", /tls'?: .*\bcert\b/],
  ["a version of TLS that is too old", "tls.minVersion=1.1", /tls[./]minVersion/],
  ["a word that proxyProtocol does not know", "proxyProtocol=v2", /proxyProtocol/],
  [
    "authorities of clients without TLS",
    `${standalone},tls.clientCASecretName=a`,
    /tls\.clientCASecretName: has no effect without TLS; set tls\.secretName/,
  ],
  [
    "a version without TLS",
    `${standalone},tls.minVersion=1.3`,
    /tls\.minVersion: has no effect without TLS; set tls\.secretName/,
  ],
  [
    "a way to verify clients without their authorities",
    `${standalone},tls.secretName=a,tls.clientAuth=request`,
    /tls\.clientAuth: needs the authorities of client certificates; set tls\.clientCASecretName/,
  ],
  [
    "client certificates that are forwarded without a check",
    `${standalone},tls.secretName=a,tls.forwardClientCert=true`,
    /tls\.forwardClientCert: needs client certificates that are verified; set tls\.clientCASecretName/,
  ],
  ...["tls.secretName=a", "http2=true", "proxyProtocol=true"].map(
    (setting): readonly [string, string, RegExp] => [
      `${setting} beside a route file that is a text`,
      `${standalone},config.file=head: pass,${setting}`,
      /the chart adds nothing to a config\.file that is a text; write config\.file as YAML/,
    ],
  ),
  ...["http2=true", "proxyProtocol=true"].map((setting): readonly [string, string, RegExp] => [
    `${setting} beside an existing ConfigMap`,
    `${standalone},config.existingConfigMap=a,${setting}`,
    /has no effect with config\.existingConfigMap, .*; write it there, under listen/,
  ]),
  [
    "the PROXY protocol without trusted peers",
    `${standalone},proxyProtocol=true,config.file.forwarded=off`,
    /proxyProtocol: needs config\.file\.forwarded\.trust/,
  ],
  [
    "headgate's own Service over TLS as upstream",
    "upstream=https://x-headgate,tls.secretName=a",
    /upstream: https:\/\/x-headgate is headgate itself/,
  ],

  // The upstream.
  [
    "standalone without an upstream",
    "ports.http=8080",
    /upstream: standalone needs the address of the existing Service/,
  ],
  [
    "standalone with an upstream's settings but no URL",
    "config.file.upstream.keepAlive=4s",
    /upstream: standalone needs the address of the existing Service/,
  ],
  [
    "an upstream that overrides the route file's",
    `${standalone},config.file.upstream=http://other`,
    /upstream: overrides the URL of config\.file\.upstream \(http:\/\/other\)/,
  ],
  [
    "headgate's own Service as upstream",
    "upstream=http://x-headgate",
    /upstream: http:\/\/x-headgate is headgate itself/,
  ],
  [
    "headgate's own Service by its long name",
    "upstream=http://x-headgate.web.svc.cluster.local:80",
    /is headgate itself/,
  ],
  [
    "headgate's own Service in the route file",
    "config.file.upstream.url=http://x-headgate.web",
    /is headgate itself/,
  ],
  ["a sidecar before itself", `${sidecar},upstream=http://localhost:8080`, /is headgate itself/],

  // The container.
  [
    "a flag that moves the port",
    `${standalone},extraArgs={--listen=:1}`,
    /extraArgs: --listen over/,
  ],
  ["a flag in two words", `${standalone},extraArgs={--admin,off}`, /extraArgs: --admin overrides/],
  [
    "a variable that the chart sets",
    `${standalone},extraEnv[0].name=HEADGATE_LISTEN`,
    /extraEnv: HEADGATE_LISTEN is set by the chart; set ports\.http and bindAddress/,
  ],
  [
    "a second volume of that name",
    `${standalone},extraVolumes[0].name=headgate`,
    /extraVolumes: the name "headgate" is taken/,
  ],
  [
    "a second volume at that path",
    `${standalone},extraVolumeMounts[0].name=a,extraVolumeMounts[0].mountPath=/etc/headgate/`,
    /extraVolumeMounts: \/etc\/headgate is where the route file is mounted/,
  ],

  // Resources.
  [
    "an invalid memory quantity",
    `${standalone},resources.limits.memory=192MB`,
    /resources\.limits\.memory: "192MB" is no quantity of memory; write one such as 192Mi/,
  ],
  [
    "memory in thousandths of a byte",
    `${standalone},resources.requests.memory=64m`,
    /resources\.requests\.memory: "64m" is no quantity of memory/,
  ],
  [
    "memory in bytes that were meant as MiB",
    `${standalone},resources.limits.memory=192,resources.requests.memory=64`,
    /resources\.limits\.memory: headgate does not start within 192/,
  ],
  [
    "a request over the limit",
    `${standalone},resources.requests.memory=1Gi`,
    /requests\.memory 1Gi is more than limits\.memory 192Mi/,
  ],
  [
    "an invalid CPU quantity",
    `${standalone},resources.requests.cpu=25%`,
    /resources\.requests\.cpu: "25%" is no quantity of CPU/,
  ],
  [
    "a CPU request over the limit",
    `${standalone},resources.limits.cpu=20m`,
    /requests\.cpu 25m is more than limits\.cpu 20m/,
  ],

  // The end.
  [
    "a delay over the pod's grace period",
    `${standalone},shutdown.delaySeconds=35`,
    /shutdown\.delaySeconds: 35 leaves nothing of terminationGracePeriodSeconds \(35\)/,
  ],
  [
    "a grace over the pod's grace period",
    `${standalone},config.file.shutdown.grace=1.5m`,
    /shutdown\.terminationGracePeriodSeconds: 35 is less than delaySeconds \(5s\) with .*grace \(1\.5m\).*; set at least 96/,
  ],
  [
    "a grace over the pod's grace period, in a text",
    `${standalone},config.file=shutdown: { grace: 31s }`,
    /set at least 36/,
  ],
  [
    "a pod's grace period that ends too early",
    `${standalone},shutdown.terminationGracePeriodSeconds=29`,
    /terminationGracePeriodSeconds: 29 is less than .*; set at least 31/,
  ],

  // Scaling.
  [
    "a number of pods beside autoscaling",
    `${standalone},autoscaling.enabled=true,replicas=3`,
    /replicas: has no effect with autoscaling\.enabled; remove it, and set autoscaling\.minReplicas/,
  ],
  [
    "more pods at least than at most",
    `${standalone},autoscaling.enabled=true,autoscaling.minReplicas=11`,
    /autoscaling: minReplicas 11 is more than maxReplicas 10/,
  ],
  [
    "a percentage of CPU",
    `${standalone},autoscaling.enabled=true,autoscaling.targetCPU=60%`,
    /autoscaling\.targetCPU: "60%" is no quantity of CPU/,
  ],
  [
    "more CPU than one process uses",
    `${standalone},autoscaling.enabled=true,autoscaling.targetCPU=1500m`,
    /targetCPU: 1500m is never reached, because one headgate uses at most one core/,
  ],
  [
    "more CPU than the limit lets it have",
    `${standalone},autoscaling.enabled=true,resources.limits.cpu=500m`,
    /targetCPU: 600m is never reached with resources\.limits\.cpu 500m/,
  ],
  [
    "a percentage of a request that is not set",
    `${standalone},autoscaling.enabled=true,autoscaling.metrics[0].type=Resource,autoscaling.metrics[0].resource.name=memory,autoscaling.metrics[0].resource.target.type=Utilization,resources.requests.memory=null,resources.limits.memory=null`,
    /autoscaling\.metrics: the Utilization of memory is a percentage of resources\.requests\.memory, which is not set/,
  ],
  [
    "a budget that lets no node be drained",
    `${standalone},podDisruptionBudget.maxUnavailable=0`,
    /podDisruptionBudget\.maxUnavailable: 0 lets no pod be evicted/,
  ],
  [
    "a rolling update that cannot begin",
    `${standalone},strategy.rollingUpdate.maxSurge=0`,
    /strategy\.rollingUpdate: with maxSurge and maxUnavailable at 0/,
  ],

  // Labels.
  [
    "a label that selects the pods",
    String.raw`${standalone},podLabels.app\.kubernetes\.io/name=a`,
    /podLabels: app\.kubernetes\.io\/name selects headgate's pods/,
  ],
  [
    "a common label that selects the pods",
    String.raw`${standalone},commonLabels.app\.kubernetes\.io/instance=a`,
    /commonLabels: app\.kubernetes\.io\/instance selects headgate's pods/,
  ],
  ["a sidecar's Service without labels", "mode=sidecar", /app\.podLabels: is empty, and Service/],
  [
    "to close every pod's port",
    `${standalone},networkPolicy.enabled=true`,
    /app\.podLabels: is empty, and the NetworkPolicy finds the app's pods by their labels/,
  ],

  // The way in, and monitoring.
  [
    "an Ingress without hosts",
    `${standalone},ingress.enabled=true`,
    /ingress\.hosts: is empty, so no request would match/,
  ],
  [
    "an Ingress without a Service",
    `${sidecar},service.enabled=false,ingress.enabled=true,ingress.hosts[0].host=a`,
    /ingress: needs the Service/,
  ],
  [
    "an HTTPRoute without a Gateway",
    `${standalone},httpRoute.enabled=true`,
    /httpRoute\.parentRefs: is empty, so no Gateway would use the route/,
  ],
  [
    "an HTTPRoute without a Service",
    `${sidecar},service.enabled=false,httpRoute.enabled=true,httpRoute.parentRefs[0].name=a`,
    /httpRoute: needs the Service/,
  ],
  [
    "an HTTPRoute without rules",
    `${standalone},httpRoute.enabled=true,httpRoute.parentRefs[0].name=a,httpRoute.rules=null`,
    /httpRoute\.rules: is empty/,
  ],
  [
    "two scrapes of each pod",
    `${standalone},metrics.podMonitor.enabled=true,metrics.serviceMonitor.enabled=true`,
    /metrics: podMonitor and serviceMonitor would both scrape every pod/,
  ],
  [
    "a policy for pods of another namespace",
    "upstream=http://my-app.shop.svc:8000,app.podLabels.app=a,networkPolicy.enabled=true",
    /networkPolicy: .* its own namespace \(web\), and the app is in shop/,
  ],

  // What the mode does not have.
  [
    "a sidecar's ServiceMonitor",
    `${sidecar},metrics.serviceMonitor.enabled=true`,
    /scraped by metrics\.podMonitor/,
  ],
  [
    "injection of standalone",
    `${standalone},injection.enabled=true`,
    /injection: adds headgate to the app's pods, so it is for mode: sidecar/,
  ],
  ...[
    "replicas=3",
    "autoscaling.enabled=true",
    "affinity.a=b",
    "nodeSelector.a=b",
    "tolerations[0].key=a",
    "topologySpreadConstraints[0].maxSkew=1",
    "priorityClassName=high",
    "podLabels.a=b",
    "podAnnotations.a=b",
    "shutdown.terminationGracePeriodSeconds=60",
  ].map((setting): readonly [string, string, RegExp] => {
    const [key = ""] = setting.split(/=|\[|(?<=affinity|Selector|Labels|Annotations)\./);
    return [
      `a sidecar's ${key}`,
      `${sidecar},${setting}`,
      new RegExp(`- ${key.replace(".", String.raw`\.`)}: has no effect with mode: sidecar`),
    ];
  }),
];

for (const [what, settings, message] of refused) {
  test(`the chart refuses ${what} with a message`, { skip }, () => {
    assert.match(refusalOf(settings), message);
  });
}

test("a native sidecar on an old cluster is refused", { skip }, () => {
  const include = 'text={{ include "headgate.sidecar" . }}';
  assert.match(
    refusalOf(`${sidecar},extraObjects[0]=${include}`, "1.28.0"),
    /sidecar\.native needs Kubernetes 1\.29, this is v1\.28\.0: set sidecar\.native=false/,
  );
});

test("injection on an old cluster is refused", { skip }, () => {
  const settings = `${sidecar},injection.enabled=true`;
  assert.match(
    refusalOf(settings, "1.33.0"),
    /injection: needs Kubernetes 1\.36.*this is v1\.33\.0/,
  );
  assert.equal(refusalOf(settings, "1.34.0"), "");
});

test("all refused combinations are reported at once, each on a line", { skip }, () => {
  const refusal = refusalOf("ports.admin=8080,shutdown.delaySeconds=99,resources.limits.memory=x");
  assert.deepEqual(
    refusal.match(/^ {2}- [\w.]+/gm)?.map((line) => line.slice(4)),
    ["ports", "upstream", "resources.limits.memory", "shutdown.delaySeconds"],
  );
});

// A template sees only the merged values, not values.yaml itself: the default number of pods is repeated in the template.
test("the templates know the defaults of values.yaml", () => {
  const values = parse(readFileSync(join(chart, "values.yaml"), "utf8")) as Fields;
  const template = readFileSync(join(chart, "templates", "_refusals.tpl"), "utf8");
  const known = [...template.matchAll(/ne \(int \.Values\.([\w.]+)\) (\d+)/g)];
  assert.deepEqual(
    new Set(known.map(([, key, value]) => `${key}: ${value}`)),
    new Set([
      `replicas: ${values["replicas"]}`,
      `shutdown.terminationGracePeriodSeconds: ${values["shutdown"].terminationGracePeriodSeconds}`,
    ]),
  );
});

test("docs/kubernetes.md shows helm's output", { skip }, () => {
  const page = readFileSync(join(root, "docs", "kubernetes.md"), "utf8");
  const [, settings = "", printed = ""] =
    /helm template headgate \S+ --set (\S+)\n(The chart refuses[^`]*)```/.exec(page) ?? [];
  assert.ok(printed !== "");
  assert.ok(refusalOf(settings).includes(printed));
});

/** Values just inside what is refused. */
const accepted: readonly (readonly [string, string])[] = [
  ["the app's port in another pod", `${standalone},app.port=8080`],
  ["the largest ports", `${standalone},ports.http=65535,ports.admin=65534`],
  ["a grace that just fits", `${standalone},config.file.shutdown.grace=29s`],
  ["a grace that is a variable", String.raw`${standalone},config.file.shutdown.grace=\${GRACE}`],
  [
    "an unknown grace",
    `${standalone},config.existingConfigMap=a,shutdown.terminationGracePeriodSeconds=6`,
  ],
  ["memory as a number of bytes", `${standalone},resources.limits.memory=201326592`],
  ["memory with an exponent", `${standalone},resources.limits.memory=201e6`],
  ["no resources", `${standalone},resources=null`],
  ["a core of CPU", `${standalone},resources.requests.cpu=1`],
  [
    "as many pods at least as at most",
    `${standalone},autoscaling.enabled=true,autoscaling.minReplicas=10`,
  ],
  ["a budget in percent", `${standalone},podDisruptionBudget.maxUnavailable=50%`],
  ["another Service of a similar name", "upstream=http://x-headgate2"],
  ["a Service of the same name elsewhere", "upstream=http://x-headgate.shop"],
  [
    "a policy for pods of this namespace",
    "upstream=http://my-app.web.svc:8000,app.podLabels.app=a,networkPolicy.enabled=true",
  ],
  ["settings of the upstream beside its URL", `${standalone},config.file.upstream.keepAlive=4s`],
  ["a log level", `${standalone},extraArgs={--log-level=debug}`],
  [
    "a certificate beside an existing ConfigMap",
    `${standalone},config.existingConfigMap=a,tls.secretName=a`,
  ],
  ["another Service's HTTPS port", "upstream=https://x-headgate:8443,tls.secretName=a"],
  ["a policy for every probe's pod", `${sidecar},networkPolicy.enabled=true`],
];

for (const [what, settings] of accepted) {
  test(`the chart accepts ${what}`, { skip }, () => {
    assert.equal(refusalOf(settings), "");
  });
}

function refusalOf(settings: string, version = "1.36.0"): string {
  const cluster = ["--kube-version", version, "--namespace", "web"];
  const { status, stderr } = helm("template", "x", chart, ...cluster, "--set", settings);
  assert.equal(status === 0, stderr === "", stderr);
  return stderr;
}
