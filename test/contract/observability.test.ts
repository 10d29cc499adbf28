/** Dashboards and alerts are built on these names: the metrics have them, and the dashboard, the alerts and the runbook name no others. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";

import { parse } from "yaml";

import { ProxyError } from "../../src/http/errors.ts";
import { finishedExchange, quietMetrics } from "../support/exchange.ts";
import { groupingsIn, selectorsIn } from "../support/promql.ts";

const FAMILIES = {
  headgate_requests_total: "counter route,method,code,head",
  headgate_request_duration_seconds: "histogram route,method,le",
  headgate_overhead_seconds: "histogram le",
  headgate_client_aborts_total: "counter route",
  headgate_upstream_response_seconds: "histogram upstream,le",
  headgate_upstream_errors_total: "counter upstream,error",
  headgate_upstream_retries_total: "counter ",
  headgate_upstream_connections: "gauge upstream,state",
  headgate_head_bodies_total: "counter route,body",
  headgate_head_drained_bytes_total: "counter ",
  headgate_head_spared_bytes_total: "counter ",
  headgate_head_rescued_total: "counter route",
  headgate_head_rescuable_total: "counter route",
  headgate_requests_in_flight: "gauge ",
  headgate_client_connections: "gauge ",
  headgate_unopened_connections_total: "counter stage",
  headgate_http2_connections_closed_total: "counter reason",
  headgate_tunnels: "gauge ",
  headgate_log_lines_dropped_total: "counter ",
  headgate_config_reloads_total: "counter result",
  headgate_config_last_reload_successful: "gauge ",
  headgate_config_last_reload_success_timestamp_seconds: "gauge ",
  headgate_tls_certificate_not_after_seconds: "gauge listen,name",
  headgate_build_info: "gauge version,node",
};

const DURATIONS = "0.001 0.0025 0.005 0.01 0.025 0.05 0.075 0.1 0.25 0.5 0.75 1 2.5 5 7.5 10 +Inf";

async function scrape(runtime: "on" | "off" = "off"): Promise<string> {
  const metrics = quietMetrics(runtime);
  metrics.observe(
    finishedExchange({ status: 502, error: new ProxyError("http_response_incomplete") }),
  );
  return (await metrics.text()).body;
}

test("the metrics are exactly these, with these types and labels", async () => {
  const text = await scrape();
  const found = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = "", type = ""]) => {
    const suffix = type === "histogram" ? "_bucket" : "";
    const labels = new RegExp(`^${name}${suffix}(?:\\{(.*)\\})? `, "m").exec(text)?.[1] ?? "";
    return [
      name,
      `${type} ${[...labels.matchAll(/(\w+)="[^"]*"/g)].map(([, label]) => label).join(",")}`,
    ];
  });
  assert.deepEqual(Object.fromEntries(found), FAMILIES);
});

test("each metric has a help text of one sentence", async () => {
  const helps = [...(await scrape()).matchAll(/^# HELP \S+ (.*)$/gm)].map(([, help = ""]) => help);
  assert.equal(helps.length, Object.keys(FAMILIES).length);
  for (const help of helps) assert.match(help, /^[A-Z].{15,120}\.$/);
});

test("durations have OpenTelemetry's buckets and two below", async () => {
  const text = await scrape();
  for (const name of ["request_duration", "upstream_response"]) {
    const bounds = [
      ...text.matchAll(new RegExp(`^headgate_${name}_seconds_bucket\\{.*le="([^"]*)"`, "gm")),
    ];
    assert.equal(bounds.map(([, bound]) => bound).join(" "), DURATIONS);
  }
});

test("counters without labels exist from the start, so that their first increase is seen", async () => {
  const { body } = await quietMetrics().text();
  for (const name of [
    "upstream_retries",
    "head_drained_bytes",
    "head_spared_bytes",
    "log_lines_dropped",
  ]) {
    assert.match(body, new RegExp(`^headgate_${name}_total 0$`, "m"));
  }
});

const root = join(import.meta.dirname, "..", "..");
const rulesFile = join(root, "helm/headgate/files/rules/headgate.yaml");
const dashboardFile = join(root, "helm/headgate/files/dashboards/headgate.json");
const testsFile = join(root, "test/contract/alerts.test.yaml");

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: Readonly<Record<string, string>>;
}
interface Panel {
  readonly id: number;
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
  readonly gridPos: {
    readonly x: number;
    readonly y: number;
    readonly w: number;
    readonly h: number;
  };
}
interface Dashboard {
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly definition?: string }[];
  };
}

const { groups } = parse(readFileSync(rulesFile, "utf8")) as {
  readonly groups: readonly { readonly rules: readonly Rule[] }[];
};
const rules = groups.flatMap((group) => group.rules);
const dashboard = JSON.parse(readFileSync(dashboardFile, "utf8")) as Dashboard;
const panelExpressions = dashboard.panels.flatMap(({ targets = [] }) =>
  targets.map(({ expr }) => expr),
);
const variableExpressions = dashboard.templating.list.flatMap(({ definition }) =>
  definition === undefined ? [] : [definition.replace(/^label_values\((.*), \w+\)$/, "$1")],
);
const expressions = [...rules.map(({ expr }) => expr), ...panelExpressions, ...variableExpressions];

/** Labels that Prometheus and Kubernetes' service discovery add to every sample of a target. */
const TARGET_LABELS = ["job", "instance", "namespace", "pod", "container"];
/** Metrics of other exporters that an alert needs. */
const FOREIGN: Readonly<Record<string, readonly string[]>> = {
  up: [],
  container_memory_working_set_bytes: [],
  kube_pod_container_resource_limits: ["resource"],
};

/** Every metric that a running headgate exposes, with the labels of its samples. */
async function shownMetrics(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const body = await scrape("on");
  const shown = new Map<string, Set<string>>();
  for (const [, name = "", labels = ""] of body.matchAll(/^(\w+)(?:\{(.*)\})? \S+$/gm)) {
    const known = shown.get(name) ?? new Set(TARGET_LABELS);
    for (const [, label = ""] of labels.matchAll(/(\w+)="/g)) known.add(label);
    shown.set(name, known);
  }
  // A garbage collection may not have happened yet; its metric family exists anyway.
  for (const [, family = ""] of body.matchAll(/^# TYPE (\w+) histogram$/gm)) {
    for (const suffix of ["_bucket", "_sum", "_count"]) {
      const name = `${family}${suffix}`;
      if (!shown.has(name)) shown.set(name, new Set([...TARGET_LABELS, "le"]));
    }
  }
  return shown;
}

test("every metric and label in the dashboard and the alerts exists", async () => {
  const shown = await shownMetrics();
  assert.ok(expressions.length > 40);
  for (const expression of expressions) {
    const selectors = selectorsIn(expression);
    assert.ok(selectors.length > 0, expression);
    const known = selectors.map(({ metric, labels }) => {
      const own =
        shown.get(metric) ?? (FOREIGN[metric] && new Set([...TARGET_LABELS, ...FOREIGN[metric]]));
      assert.ok(own, `there is no ${metric}: ${expression}`);
      for (const label of labels)
        assert.ok(own.has(label), `${metric} has no ${label}: ${expression}`);
      return own;
    });
    for (const label of groupingsIn(expression)) {
      assert.ok(
        known.some((labels) => labels.has(label)),
        `nothing has ${label}: ${expression}`,
      );
    }
  }
});

test("every metric of headgate's own is on the dashboard", async () => {
  const own = [...(await shownMetrics()).keys()].map((name) =>
    name.replace(/_(?:bucket|sum|count)$/, ""),
  );
  const named = panelExpressions.join("\n");
  for (const name of own.filter((one) => one.startsWith("headgate_")))
    assert.ok(named.includes(name), name);
});

test("the dashboard has a fixed uid, its variables, and no two panels in one place", () => {
  assert.equal(dashboard.uid, "headgate");
  const variables = dashboard.templating.list.map(({ name }) => name);
  assert.deepEqual(variables, ["datasource", "namespace", "pod", "route"]);
  const places = new Set<string>();
  for (const { title, gridPos } of dashboard.panels) {
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
        assert.ok(x < 24 && !places.has(`${x},${y}`), title);
        places.add(`${x},${y}`);
      }
    }
  }
  assert.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length);
});

test("each alert has a summary, a description and an entry in the runbook", () => {
  const runbook = readFileSync(join(root, "docs/runbook.md"), "utf8");
  const { repository } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    readonly repository: { readonly url: string };
  };
  const home = repository.url.replace(/^git\+|\.git$/g, "");
  const runbookUrl = `${home}/blob/main/docs/runbook.md`;
  const headings = [...runbook.matchAll(/^## (\w+)$/gm)].map(([, name]) => name);
  assert.deepEqual(
    headings,
    rules.map(({ alert }) => alert),
  );
  for (const { alert, annotations } of rules) {
    assert.deepEqual(Object.keys(annotations), ["summary", "description", "runbook_url"]);
    // Only an absolute URL becomes a link in Alertmanager and Grafana.
    assert.equal(annotations["runbook_url"], `${runbookUrl}#${alert.toLowerCase()}`);
  }
});

test("each alert has a test in which it fires", () => {
  const { tests } = parse(readFileSync(testsFile, "utf8")) as {
    readonly tests: readonly {
      readonly alert_rule_test: readonly {
        readonly alertname: string;
        readonly exp_alerts: readonly unknown[];
      }[];
    }[];
  };
  const fired = tests
    .flatMap((one) => one.alert_rule_test)
    .filter((one) => one.exp_alerts.length > 0);
  assert.deepEqual(
    new Set(fired.map(({ alertname }) => alertname)),
    new Set(rules.map(({ alert }) => alert)),
  );
});

test("every metric, log key and alert is explained in the documentation", async () => {
  const operations = readFileSync(join(root, "docs/operations.md"), "utf8");
  const own = [...(await documentedNames())].filter((name) => !operations.includes(`\`${name}\``));
  assert.deepEqual(own, []);
});

async function documentedNames(): Promise<ReadonlySet<string>> {
  const { body } = await quietMetrics().text();
  const schema = JSON.parse(
    readFileSync(join(root, "config/headgate.schema.json"), "utf8"),
  ) as unknown;
  const keys = JSON.stringify(schema).match(/"enum":\["http\.request\.method"[^\]]*\]/)?.[0] ?? "";
  return new Set([
    ...[...body.matchAll(/^# TYPE (\w+)/gm)].map(([, name = ""]) => name),
    ...[...keys.matchAll(/"([\w.]+)"/g)]
      .map(([, name = ""]) => name)
      .filter((name) => name !== "enum"),
  ]);
}

const promtool = (
  args: readonly string[],
  input = "",
): { readonly status: number | null; readonly said: string } => {
  const { status, stdout, stderr } = spawnSync("promtool", args, { input, encoding: "utf8" });
  return { status, said: `${stdout}${stderr}` };
};
const skip =
  spawnSync("promtool", ["--version"]).status === 0
    ? false
    : "there is no promtool (Debian's package prometheus)";

test("promtool accepts the alerts, and each fires when it should", { skip }, () => {
  const checked = promtool(["check", "rules", rulesFile]);
  assert.equal(checked.status, 0, checked.said);
  const tested = promtool(["test", "rules", testsFile]);
  assert.equal(tested.status, 0, tested.said);
});

test("promtool can read every expression of the dashboard", { skip }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), "headgate-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "rules.json");
  const written = panelExpressions.map((expr, index) => ({
    record: `panel:${index}`,
    expr: expr.replaceAll(/\$__(?:rate_interval|range)/g, "5m"),
  }));
  writeFileSync(file, JSON.stringify({ groups: [{ name: "dashboard", rules: written }] }));
  const { status, said } = promtool(["check", "rules", file]);
  assert.equal(status, 0, said);
});
