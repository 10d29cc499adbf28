/** `headgate inject` as it is called: files, folders, standard input, flags. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { chmod, lstat, readFile, readdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import test, { type TestContext } from "node:test";

import { UsageError } from "../../../src/cli/flags.ts";
import { inject } from "../../../src/cli/inject/command.ts";
import { DEFAULTS } from "../../../src/cli/inject/settings.ts";
import { createAuthority } from "../../support/authority.ts";
import { MANIFESTS } from "../../support/inject-manifests.ts";
import { VERSION, injected, removed } from "../../support/inject.ts";
import { root } from "../../support/manifests.ts";
import { makeDirectory, messageOf } from "../../support/route-file.ts";

const plain = MANIFESTS["plain"] ?? "";

interface Called {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function call(cwd: string, args: readonly string[], input = ""): Promise<Called> {
  const printed = { out: "", err: "" };
  const io = {
    env: {},
    cwd,
    version: VERSION,
    readInput: () => Promise.resolve(Buffer.from(input)),
    out: (text: string) => void (printed.out += text),
    err: (text: string) => void (printed.err += text),
  };
  return { code: await inject(args, io), ...printed };
}

const folderWith = (t: TestContext, files: Record<string, string>) => makeDirectory(t, files);

test("a file is changed in place, and what was done and what is left to do is said", async (t) => {
  const cwd = await folderWith(t, { "app.yaml": plain });
  assert.deepEqual(await call(cwd, ["app.yaml"]), {
    code: 0,
    out: "",
    err: `app.yaml: Deployment/app: headgate on port 8080 forwards to port 8000
app.yaml: Service/app: port 80 leads to 8080 instead of 8000
next: the app's container should wait before it ends, so that no request is lost: docs/kubernetes.md, "Start and end"
`,
  });
  assert.equal(await readFile(join(cwd, "app.yaml"), "utf8"), injected(plain));
  await call(cwd, ["app.yaml", "--remove"]);
  assert.equal(await readFile(join(cwd, "app.yaml"), "utf8"), plain);
});

test("standard input goes to standard output", async (t) => {
  const cwd = await folderWith(t, {});
  const { code, out } = await call(cwd, ["-"], plain);
  assert.deepEqual([code, out], [0, injected(plain)]);
  assert.equal((await call(cwd, ["-", "--remove"], out)).out, plain);
});

test("--remove of what has no headgate says so, and changes nothing", async (t) => {
  const called = await call(await folderWith(t, {}), ["-", "--remove"], plain);
  assert.deepEqual(called, {
    code: 0,
    out: plain,
    err: "headgate: the input has nothing that inject wrote\n",
  });
});

test("a byte order mark stays", async (t) => {
  const text = `\ufeff${plain}`;
  const cwd = await folderWith(t, { "app.yaml": text });
  await call(cwd, ["app.yaml"]);
  assert.equal(await readFile(join(cwd, "app.yaml"), "utf8"), injected(text));
});

test("--diff writes no file", async (t) => {
  const cwd = await folderWith(t, { "app.yaml": plain });
  const { out } = await call(cwd, ["app.yaml", "--diff"]);
  assert.match(
    out,
    /^--- app\.yaml\n\+\+\+ app\.yaml\n@@ [^]*\n-      targetPort: 8000\n\+      targetPort: 8080\n/,
  );
  assert.equal(await readFile(join(cwd, "app.yaml"), "utf8"), plain);
});

test("a folder is its manifests, and a Service may be in another file than its app", async (t) => {
  const [deployment = "", service = ""] = plain.split("---\n");
  const other =
    "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [a.yml]\n";
  const cwd = await folderWith(t, {
    "a.yml": deployment,
    "b.yaml": service,
    "kustomization.yaml": other,
    "notes.txt": "{{",
  });
  const { err } = await call(cwd, ["."]);
  assert.match(
    err,
    /^\.\/a\.yml: Deployment\/app: headgate .*\n\.\/b\.yaml: Service\/app: port 80 leads to 8080/,
  );
  assert.match(await readFile(join(cwd, "b.yaml"), "utf8"), /targetPort: 8080/);
  assert.equal(await readFile(join(cwd, "kustomization.yaml"), "utf8"), other);
});

test("where one file is refused, none is written", async (t) => {
  const cwd = await folderWith(t, { "a.yaml": plain, "b.yaml": "{{- if .Values.on }}\na: b\n" });
  assert.match(await messageOf(call(cwd, ["a.yaml", "b.yaml"])), /^b\.yaml:1:\d+: is a template/);
  assert.equal(await readFile(join(cwd, "a.yaml"), "utf8"), plain);
});

test("a file is replaced as a whole: nothing is left beside it, links and permissions stay", async (t) => {
  const cwd = await folderWith(t, { "real.yaml": plain });
  await chmod(join(cwd, "real.yaml"), 0o640);
  await symlink("real.yaml", join(cwd, "link.yaml"));
  await call(cwd, ["link.yaml"]);
  assert.deepEqual((await readdir(cwd)).toSorted(), ["link.yaml", "real.yaml"]);
  assert.ok((await lstat(join(cwd, "link.yaml"))).isSymbolicLink());
  assert.equal((await lstat(join(cwd, "real.yaml"))).mode & 0o777, 0o640);
  assert.equal(removed(await readFile(join(cwd, "real.yaml"), "utf8")), plain);
});

test("a file that cannot be written as a whole stays as it was, and nothing is left beside it", async (t) => {
  const cwd = await folderWith(t, { "app.yaml": plain });
  const bundle = join(root, "dist", "headgate.cjs");
  // One block is less than the new text.
  const script = 'ulimit -f 1; exec "$0" "$@"';
  const args = ["-c", script, process.execPath, bundle, "inject", "app.yaml"];
  const { status, stderr } = spawnSync("sh", args, { cwd, encoding: "utf8" });
  assert.equal(status, 1);
  assert.equal(stderr, "app.yaml: cannot be written (EFBIG)\n");
  assert.deepEqual(await readdir(cwd), ["app.yaml"]);
  assert.equal(await readFile(join(cwd, "app.yaml"), "utf8"), plain);
});

test("a file that has headgate already is not written again", async (t) => {
  const cwd = await folderWith(t, { "app.yaml": injected(plain) });
  const before = await lstat(join(cwd, "app.yaml"));
  assert.equal((await call(cwd, ["app.yaml"])).code, 0);
  assert.equal((await lstat(join(cwd, "app.yaml"))).ino, before.ino);
});

test("the route file becomes a ConfigMap, as it is written", async (t) => {
  const routes = "# Mine.\nroutes:\n  - { path: /files/*, head: pass }\n";
  const cwd = await folderWith(t, { "app.yaml": plain, "routes.yaml": routes });
  const { out } = await call(cwd, ["-", "--config", "routes.yaml"], plain);
  assert.match(out, /\n {2}headgate\.yaml: \|\n {4}# Mine\.\n {4}routes:\n {6}- \{ path/);
  assert.match(out, /HEADGATE_UPSTREAM/);
});

test("an upstream in the route file stays in effect, unless a flag gives one", async (t) => {
  const routes = "upstream: http://127.0.0.1:8001\n";
  const cwd = await folderWith(t, { "routes.yaml": routes });
  const { out } = await call(cwd, ["-", "--config", "routes.yaml"], plain);
  assert.doesNotMatch(out, /HEADGATE_UPSTREAM/);
  const given = await call(cwd, ["-", "--config", "routes.yaml", "--upstream-port", "8000"], plain);
  assert.match(given.out, /HEADGATE_UPSTREAM/);
});

test("a route file that is wrong is refused as by check, and so is one that inject would override", async (t) => {
  const cwd = await folderWith(t, { "bad.yaml": "rotes: []\n", "listen.yaml": "listen: :80\n" });
  assert.match(
    await messageOf(call(cwd, ["-", "--config", "bad.yaml"], plain)),
    /^bad\.yaml:1:1 rotes/,
  );
  assert.match(
    await messageOf(call(cwd, ["-", "--config", "listen.yaml"], plain)),
    /^listen\.yaml listen: inject sets it in the pod; remove it, and use --port/,
  );
});

/**
 * Symptom: inject took a route file whose `listen` was a mapping; the pod's certificate was missing, or its port was another one than the
 * Service's. Root cause: only `listen` as a whole was looked for, and a variable overrides the mapping's address alone. Fix: each setting of a
 * listener is refused.
 */
test("a listener with settings of its own is refused, with what to use instead", async (t) => {
  const authority = createAuthority(t);
  for (const settings of [
    `tls: { cert: ${authority.certFile}, key: ${authority.keyFile} }`,
    'address: ":80", http2: true',
    "http2: true",
    "proxyProtocol: optional",
    'address: ":80"',
  ]) {
    const cwd = await folderWith(t, { "routes.yaml": `listen: { ${settings} }\n` });
    assert.match(
      await messageOf(call(cwd, ["-", "--config", "routes.yaml"], plain)),
      /^routes\.yaml listen: inject sets it in the pod; remove it, and use --port; the chart has tls, http2 and proxyProtocol$/,
      settings,
    );
  }
});

test("what is not seen in the input is told as the next step", async (t) => {
  const cwd = await folderWith(t, {});
  const nextOf = async (name: string) => (await call(cwd, ["-"], MANIFESTS[name])).err;
  assert.match(
    await nextOf("no Service"),
    /^next: Deployment\/app: no Service in the input leads to port 8000; set targetPort: 8080 in the one that does$/m,
  );
  assert.match(
    await nextOf("hostNetwork"),
    /^next: .* ports 8080 and 9090 must be free on every node$/m,
  );
  assert.match(await nextOf("a YAML List"), /^next: Service\/app has no cluster IP/m);
  assert.match(
    await nextOf("a YAML List"),
    /^next: DaemonSet\/app: its hostPort 80 leads to the app without headgate$/m,
  );
  assert.doesNotMatch(await nextOf("a CronJob"), /Service/);
  assert.match(
    await nextOf("an app and its database"),
    /^left as it is: <stdin>: StatefulSet\/db: port 5432 is probably PostgreSQL/m,
  );
});

test("--only and --compose name what the input has", async (t) => {
  const cwd = await folderWith(t, {});
  assert.equal(
    await messageOf(call(cwd, ["-", "--only", "app,ap"], plain)),
    "--only: the input has no workload ap",
  );
  assert.equal(
    await messageOf(call(cwd, ["-", "--compose", "app"], plain)),
    "--compose: the input is no Compose file",
  );
});

test("an input without anything to inject into fails and writes nothing", async (t) => {
  const { code, out, err } = await call(
    await folderWith(t, {}),
    ["-"],
    "apiVersion: v1\nkind: Secret\n",
  );
  assert.deepEqual([code, out], [1, ""]);
  assert.match(err, /^headgate: the input has no Deployment/);
});

const WRONG: readonly (readonly [readonly string[], RegExp])[] = [
  [[], /inject needs a FILE, a folder, or -/],
  [[""], /empty name/],
  [["-", "a.yaml"], /cannot be mixed/],
  [["-", "--port", "0"], /--port: "0" is no port/],
  [["-", "--upstream-port", "http"], /--upstream-port: "http" is no port/],
  [
    ["-", "--set", "resources.limit.memory=1Gi"],
    /there is no resources\.limit\.memory; did you mean "resources\.limits\.memory"/,
  ],
  [["-", "--set", "resources.limits.memory=lots"], /"lots" is no quantity/],
  [["-", "--set", "ports.admin=x"], /"x" is no whole number/],
  [["-", "--set", "env.HEADGATE_LISTEN=:80"], /use --port/],
  [["-", "--set", "securityContext.runAsNonRoot=yes"], /write true or false/],
  [["-", "--set", "port"], /is not KEY=VALUE/],
  [["-", "--remove", "--port", "80"], /--port has no effect/],
  [["-", "--config", "r", "--set", "config.existingConfigMap=c"], /two route files/],
];

for (const [args, expected] of WRONG) {
  test(`called wrongly: inject ${args.join(" ")}`, async () => {
    await assert.rejects(call("/", args), (error) => {
      assert.ok(error instanceof UsageError, String(error));
      assert.match(error.message, expected);
      return true;
    });
  });
}

test("variables come in by --set env.NAME, and an empty value takes a setting away", async (t) => {
  const args = ["-", "--set", "env.HEADGATE_LOG_LEVEL=debug", "-s", "securityContext.runAsUser="];
  const { out } = await call(await folderWith(t, {}), args, plain);
  assert.match(out, /- name: HEADGATE_LOG_LEVEL\n {14}value: debug\n/);
  assert.doesNotMatch(out, /runAsUser/);
});

const DOCS = readFileSync(join(root, "docs", "inject.md"), "utf8");

test("docs/inject.md: the first example is what inject says of examples/kubernetes/plain", async (t) => {
  const before = readFileSync(join(root, "examples", "kubernetes", "plain", "before.yaml"), "utf8");
  const cwd = await folderWith(t, { "deployment.yaml": before });
  const [, expected = ""] = /^\$ headgate inject deployment\.yaml\n([^]*?)```/m.exec(DOCS) ?? [];
  assert.equal((await call(cwd, ["deployment.yaml"])).err, expected);
});

test("docs/inject.md: the refusal is what inject says", async (t) => {
  const [, expected = ""] = /^```\n(app\.yaml:9[^]*?)\n```/m.exec(DOCS) ?? [];
  const text = `x: &pod { containers: [] }
apiVersion: apps/v1
kind: Deployment
metadata: { name: app }
spec:
  selector: { matchLabels: { app: app } }
  template:
    metadata: { labels: { app: app } }
    spec: *pod
`;
  const cwd = await folderWith(t, { "app.yaml": text });
  assert.equal(await messageOf(call(cwd, ["app.yaml"])), expected);
});

test("docs/inject.md lists every key of --set", () => {
  const listed = [...DOCS.matchAll(/^\|([^|]+)\|/gm)]
    .flatMap(([, cell = ""]) => [...cell.matchAll(/`([a-z]\w*\.\w[\w.]*|bindAddress)`/g)])
    .map(([, key]) => key)
    .filter((key) => key !== "env.NAME" && key !== "metadata.annotations");
  assert.deepEqual(new Set(listed), new Set(DEFAULTS.keys()));
});

test("the process reads standard input and writes standard output", () => {
  const bundle = join(root, "dist", "headgate.cjs");
  const { status, stdout } = spawnSync(
    process.execPath,
    [bundle, "inject", "-", "--image", `ghcr.io/headgate/headgate:${VERSION}`],
    {
      input: plain,
      encoding: "utf8",
    },
  );
  assert.deepEqual([status, stdout], [0, injected(plain)]);
});
