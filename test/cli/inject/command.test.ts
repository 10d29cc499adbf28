/** `headgate inject` on the command line: files, folders, standard input, flags. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { chmod, chown, lstat, readFile, readdir, symlink } from "node:fs/promises";
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

test("a file is changed in place, and inject prints what it did and what is left to do", async (t) => {
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

/**
 * Symptom: in a pod whose app has port 9090, the probes and metrics of headgate were on 9091, and inject did not say so. Root cause: the
 * message had only the port for clients. Fix: it also names an admin port other than the default.
 */
test("inject names an admin port that is not the default", async (t) => {
  const cwd = await folderWith(t, {});
  const { err } = await call(cwd, ["-"], MANIFESTS["headgate's own ports taken"]);
  assert.match(err, /: headgate on port 8081 \(admin port 9091\) forwards to port /);
});

// Symptom: a memory limit of 64Mi passed without a word, though the documents begin with 96 MiB. Fix: inject names it as a next step.
test("inject warns of a memory limit that is small", async (t) => {
  const cwd = await folderWith(t, {});
  const nextOf = async (limit: string) =>
    (await call(cwd, ["-", "--set", `resources.limits.memory=${limit}`], plain)).err;
  assert.match(
    await nextOf("64Mi"),
    /^next: resources\.limits\.memory 64Mi: .* begins with 96Mi$/m,
  );
  for (const enough of ["96Mi", "101M", "1Gi", ""])
    assert.doesNotMatch(await nextOf(enough), /96Mi$/m);
});

// Symptom: `--set ports.admin=9090` in a pod that uses 9090 put the admin port on 9091. Root cause: the default's value counted as no value.
// Fix: a port that the operator sets is used, or refused.
test("an admin port that the operator sets is never replaced", async (t) => {
  const cwd = await folderWith(t, {});
  const taken = MANIFESTS["headgate's own ports taken"];
  const message = /port 9090 is used in this pod already/;
  await assert.rejects(call(cwd, ["-", "--set", "ports.admin=9090"], taken), message);
  const { err } = await call(cwd, ["-", "--set", "ports.admin="], taken);
  assert.match(err, /admin port 9091/);
});

test("standard input is written to standard output", async (t) => {
  const cwd = await folderWith(t, {});
  const { code, out } = await call(cwd, ["-"], plain);
  assert.deepEqual([code, out], [0, injected(plain)]);
  assert.equal((await call(cwd, ["-", "--remove"], out)).out, plain);
});

test("--remove without a headgate in the input says so, and changes nothing", async (t) => {
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

test("a folder means its manifests, and a Service may be in another file than its app", async (t) => {
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

test("if one file is refused, none is written", async (t) => {
  const cwd = await folderWith(t, { "a.yaml": plain, "b.yaml": "{{- if .Values.on }}\na: b\n" });
  assert.match(await messageOf(call(cwd, ["a.yaml", "b.yaml"])), /^b\.yaml:1:\d+: is a template/);
  assert.equal(await readFile(join(cwd, "a.yaml"), "utf8"), plain);
});

test("a file is replaced in one step: nothing is left beside it, links and permissions stay", async (t) => {
  const cwd = await folderWith(t, { "real.yaml": plain });
  await chmod(join(cwd, "real.yaml"), 0o640);
  await symlink("real.yaml", join(cwd, "link.yaml"));
  await call(cwd, ["link.yaml"]);
  assert.deepEqual((await readdir(cwd)).toSorted(), ["link.yaml", "real.yaml"]);
  assert.ok((await lstat(join(cwd, "link.yaml"))).isSymbolicLink());
  assert.equal((await lstat(join(cwd, "real.yaml"))).mode & 0o777, 0o640);
  assert.equal(removed(await readFile(join(cwd, "real.yaml"), "utf8")), plain);
});

// Symptom: `helm template` of a chart with its custom resource definitions, 1.4 MB, was "larger than 1 MiB".
// Root cause: manifests were read with the limit of route files. Fix: they have a limit of their own.
test("manifests of megabytes are taken, from a file and from standard input", async (t) => {
  const definition = `---\nkind: CustomResourceDefinition\nspec: |\n${`  ${"x".repeat(100)}\n`.repeat(20_000)}`;
  const text = plain + definition;
  const cwd = await folderWith(t, { "app.yaml": text });
  await call(cwd, ["app.yaml"]);
  assert.equal(await readFile(join(cwd, "app.yaml"), "utf8"), injected(text));
  const bundle = join(root, "dist", "headgate.cjs");
  const { stdout } = spawnSync(process.execPath, [bundle, "inject", "-"], {
    input: text,
    encoding: "utf8",
    maxBuffer: 2 ** 24,
  });
  assert.ok(stdout === injected(text), "from standard input");
});

test("a file beyond the limit is refused", async (t) => {
  const cwd = await folderWith(t, { "app.yaml": `${plain}# ${"x".repeat(8 * 1024 ** 2)}\n` });
  assert.match(await messageOf(call(cwd, ["app.yaml"])), /^app\.yaml: is larger than 8 MiB$/);
});

// Symptom: root's `headgate inject` of another user's file made root its owner.
// Root cause: the new file that replaces the old one got the old one's mode, but not its owner.
// Fix: it gets the owner as well, where the process may give it.
test("a file keeps its owner", { skip: process.getuid?.() !== 0 && "needs root" }, async (t) => {
  const cwd = await folderWith(t, { "app.yaml": plain });
  const path = join(cwd, "app.yaml");
  await chown(path, 1234, 5678);
  await call(cwd, ["app.yaml"]);
  const { uid, gid } = await lstat(path);
  assert.deepEqual([uid, gid], [1234, 5678]);
});

test("a file that cannot be written completely stays as it was, and nothing is left beside it", async (t) => {
  const cwd = await folderWith(t, { "app.yaml": plain });
  const bundle = join(root, "dist", "headgate.cjs");
  // One block is shorter than the new text.
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

test("the route file becomes a ConfigMap, byte for byte", async (t) => {
  const routes = "# Mine.\nroutes:\n  - { path: /files/*, head: pass }\n";
  const cwd = await folderWith(t, { "app.yaml": plain, "routes.yaml": routes });
  const { out } = await call(cwd, ["-", "--config", "routes.yaml"], plain);
  assert.match(out, /\n {2}headgate\.yaml: \|\n {4}# Mine\.\n {4}routes:\n {6}- \{ path/);
  assert.match(out, /HEADGATE_UPSTREAM/);
});

test("an upstream in the route file stays in effect, unless a flag sets one", async (t) => {
  const routes = "upstream: http://127.0.0.1:8001\n";
  const cwd = await folderWith(t, { "routes.yaml": routes });
  const { out, err } = await call(cwd, ["-", "--config", "routes.yaml"], plain);
  assert.doesNotMatch(out, /HEADGATE_UPSTREAM/);
  // Symptom: inject said "forwards to port 8000", and headgate forwarded to 8001. Root cause: the message knew only the manifest's port.
  // Fix: it names what is in effect, and the flag that changes it.
  assert.match(
    err,
    /headgate on port 8080 forwards to http:\/\/127\.0\.0\.1:8001, as the route file says$/m,
  );
  const flag = "--upstream-port 8000 overrides the route file's upstream, http://127.0.0.1:8001";
  assert.ok(err.includes(`\nnext: Deployment/app: its port is 8000; ${flag}\n`), err);
  const given = await call(cwd, ["-", "--config", "routes.yaml", "--upstream-port", "8000"], plain);
  assert.match(given.out, /HEADGATE_UPSTREAM/);
  assert.match(given.err, /headgate on port 8080 forwards to port 8000$/m);
  assert.doesNotMatch(given.err, /route file's upstream/);
});

test("an upstream outside of the pod, or on the app's port, needs no step", async (t) => {
  const urls = ["http://127.0.0.1:8000", "http://app.example:8001", "unix:/run/app.sock"];
  for (const url of urls) {
    const cwd = await folderWith(t, { "routes.yaml": `upstream: ${url}\n` });
    const { err } = await call(cwd, ["-", "--config", "routes.yaml"], plain);
    assert.ok(err.includes(`forwards to ${url}, as the route file says\n`), err);
    assert.doesNotMatch(err, /next: .*its port/);
  }
});

test("an invalid route file is refused as by check, and so is one that inject would override", async (t) => {
  const cwd = await folderWith(t, { "bad.yaml": "rotes: []\n", "listen.yaml": "listen: :80\n" });
  assert.match(
    await messageOf(call(cwd, ["-", "--config", "bad.yaml"], plain)),
    /^bad\.yaml:1:1 rotes/,
  );
  assert.match(
    await messageOf(call(cwd, ["-", "--config", "listen.yaml"], plain)),
    /^listen\.yaml listen: inject sets it for the container; remove it, and use --port/,
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
      /^routes\.yaml listen: inject sets it for the container; remove it, and use --port; tls, http2 and proxyProtocol need the chart, or in Compose a service as in examples\/compose-tls$/,
      settings,
    );
  }
});

test("a part that the input does not have is named as the next step", async (t) => {
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

test("the errors of --only and --compose list the names in the input", async (t) => {
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
  // Symptom: the manifest had port 0, an address that headgate refuses, or no image. Root cause: the chart refuses such values
  // by its schema, and --set took every text. Fix: the chart's rules hold here too.
  [["-", "--set", "ports.admin=0"], /ports\.admin: "0" is no port from 1024 to 65535/],
  [["-", "--set", "ports.admin=65536"], /ports\.admin: "65536" is no port/],
  [["-", "--set", "bindAddress=::"], /bindAddress: "::" is no IP address; IPv6 stands in brackets/],
  [["-", "--set", "bindAddress=localhost"], /bindAddress: "localhost" is no IP address/],
  [
    ["-", "--set", "image.pullPolicy=always"],
    /image\.pullPolicy: "always" is not Always, IfNotPresent/,
  ],
  [
    ["-", "--set", "livenessProbe.periodSeconds=0"],
    /livenessProbe\.periodSeconds: "0" is less than 1/,
  ],
  [["-", "--image", ""], /--image: "" is no reference to an image/],
  [["-", "--image", "a b"], /--image: "a b" is no reference to an image/],
  [["-", "--set", "env.HEADGATE_LISTEN=:80"], /use --port/],
  [["-", "--set", "securityContext.runAsNonRoot=yes"], /write true or false/],
  [["-", "--set", "port"], /is not KEY=VALUE/],
  [["-", "--remove", "--port", "80"], /--port has no effect/],
  [["-", "--config", "r", "--set", "config.existingConfigMap=c"], /two route files/],
];

for (const [args, expected] of WRONG) {
  test(`inject ${args.join(" ")} is a wrong call`, async () => {
    await assert.rejects(call("/", args), (error) => {
      assert.ok(error instanceof UsageError, String(error));
      assert.match(error.message, expected);
      return true;
    });
  });
}

test("--set env.NAME adds a variable, and an empty value removes a setting", async (t) => {
  const args = ["-", "--set", "env.HEADGATE_LOG_LEVEL=debug", "-s", "securityContext.runAsUser="];
  const { out } = await call(await folderWith(t, {}), args, plain);
  assert.match(out, /- name: HEADGATE_LOG_LEVEL\n {14}value: debug\n/);
  assert.doesNotMatch(out, /runAsUser/);
});

const DOCS = readFileSync(join(root, "docs", "inject.md"), "utf8");

test("docs/inject.md: the first example is inject's output for examples/kubernetes/plain", async (t) => {
  const before = readFileSync(join(root, "examples", "kubernetes", "plain", "before.yaml"), "utf8");
  const cwd = await folderWith(t, { "deployment.yaml": before });
  const [, expected = ""] = /^\$ headgate inject deployment\.yaml\n([^]*?)```/m.exec(DOCS) ?? [];
  assert.equal((await call(cwd, ["deployment.yaml"])).err, expected);
});

test("docs/inject.md: the refusal is inject's output", async (t) => {
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
