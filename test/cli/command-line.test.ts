import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";

import { inNetwork } from "../support/network.ts";
import { root } from "../support/manifests.ts";
import { startProcess } from "../support/process.ts";
import { makeDirectory } from "../support/route-file.ts";

const BUNDLE = join(root, "dist", "headgate.cjs");
const COMMANDS = [
  "run",
  "demo",
  "check",
  "explain",
  "doctor",
  "init",
  "inject",
  "schema",
  "healthcheck",
];

interface Called {
  readonly cwd?: string;
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

function call(args: readonly string[], { cwd = root, input = "", env = {} }: Called = {}) {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("HEADGATE_"));
  const options = { cwd, input, env: { ...Object.fromEntries(inherited), ...env } };
  const ended = spawnSync(process.execPath, [BUNDLE, ...args], { ...options, encoding: "utf8" });
  return { code: ended.status, out: ended.stdout, err: ended.stderr };
}

for (const command of COMMANDS) {
  test(`headgate ${command} --help describes the command, with an example, and fits a terminal of 80 columns`, () => {
    const { code, out, err } = call([command, "--help"]);
    assert.deepEqual([code, err], [0, ""]);
    assert.match(
      out,
      new RegExp(`^headgate ${command}\\b[^]*\\nExamples?\\n  .*headgate ${command}`),
    );
    assertFits(out);
    assert.equal(call(["help", command]).out, out);
  });
}

test("headgate help --help fits a terminal of 80 columns", () => {
  assertFits(call(["help", "--help"]).out);
});

function assertFits(text: string): void {
  assert.notEqual(text, "");
  assert.deepEqual(
    text.split("\n").filter((line) => line.length > 80),
    [],
  );
}

test("a mistake in the arguments names the help of its command", () => {
  assert.deepEqual(call(["check"]), {
    code: 2,
    out: "",
    err: "headgate: check needs a FILE, or HEADGATE_CONFIG; see headgate check --help\n",
  });
});

// Symptom: `--upstram` and `chek` were refused without a suggestion, unlike a key of the route file.
// Root cause: only the route file's diagnostics looked for the nearest word.
// Fix: commands and flags look for it as well.
test("a misspelt command or flag is refused with the one that was probably meant", () => {
  const cases: readonly (readonly [readonly string[], string])[] = [
    [["chek"], `there is no command 'chek'; did you mean "check"?; see headgate --help`],
    [["xyz"], "there is no command 'xyz'; see headgate --help"],
    [["-x"], "there is no command '-x'; see headgate --help"],
    [["headgate", "run"], "there is no command 'headgate'; see headgate --help"],
    [
      ["--config", "a.yaml"],
      "a command must come before '--config', such as: headgate run --config",
    ],
    [
      ["--upstream=http://u:p@a"],
      "a command must come before '--upstream', such as: headgate run --upstream",
    ],
    [["run", "--upstram", "x"], `Unknown option '--upstram'; did you mean "--upstream"?`],
    [["run", "--upstram=x"], `Unknown option '--upstram'; did you mean "--upstream"?`],
    [["explain", "--jsn"], `Unknown option '--jsn'; did you mean "--json"?`],
    [["run", "--verbose"], "Unknown option '--verbose'; see headgate run --help"],
  ];
  for (const [args, expected] of cases) {
    const { code, err } = call(args);
    assert.equal(code, 2);
    assert.ok(err.startsWith(`headgate: ${expected}`), err);
  }
});

// headgate read the current folder at the start, before it was known whether a command needs one: --version was a stack trace.
test("in a deleted folder headgate prints its version, and an error for other commands", async (t) => {
  const cwd = await makeDirectory(t, {});
  const script = `mkdir gone && cd gone && rmdir ../gone && exec "$0" "$@"`;
  const within = (...args: readonly string[]) => {
    const all = ["-c", script, process.execPath, BUNDLE, ...args];
    return spawnSync("/bin/sh", all, { cwd, encoding: "utf8" });
  };
  assert.match(within("--version").stdout, /^headgate \d/);
  const { status, stderr } = within("check", "f.yaml");
  assert.equal(status, 2);
  assert.match(stderr, /^headgate: the current folder does not exist any more/);
});

// helm template prints all manifests, so the example gave `check` a line of null for each of them.
test("the example with kubectl passes the route file to check", () => {
  const { out } = call(["check", "--help"]);
  const [, template = ""] =
    /jsonpath='(.*?)' \|\n +HEADGATE_UPSTREAM=\S+ headgate check -$/m.exec(out) ?? [];
  assert.equal(template, String.raw`{.data.headgate\.yaml}`);
});

test("headgate check - reads standard input", () => {
  const good = call(["check", "-"], { input: "upstream: http://127.0.0.1:8000\n" });
  assert.deepEqual([good.code, good.err], [0, ""]);
  assert.match(good.out, /^<stdin> is valid\n/);
  const bad = call(["check", "-"], { input: "upstream: http://127.0.0.1:8000\nlisen: x\n" });
  assert.equal(bad.code, 1);
  assert.match(bad.err, /^<stdin>:2:1 lisen: is not a known key/);
});

test("headgate check takes several files, and fails if one of them is wrong", async (t) => {
  const cwd = await makeDirectory(t, {
    "a.yaml": "upstream: http://127.0.0.1:1\n",
    "b.yaml": "upstream: ftp://b\n",
    "c.yaml": "upstream: http://127.0.0.1:3\n",
  });
  const { code, out, err } = call(["check", "a.yaml", "b.yaml", "c.yaml"], { cwd });
  assert.equal(code, 1);
  assert.match(out, /^a\.yaml is valid\n[^]*\nc\.yaml is valid\n/);
  assert.match(err, /^\nb\.yaml:1:11 upstream: /);
  const list = JSON.parse(call(["check", "a.yaml", "b.yaml", "--json"], { cwd }).out);
  assert.deepEqual(
    list.map(({ valid }: { valid: boolean }) => valid),
    [true, false],
  );
});

test("check and the start name the keys of the file that are overridden", async (t) => {
  const file = join(
    await makeDirectory(t, {
      "f.yaml": "upstream: { url: http://127.0.0.1:1 }\nlisten: :1\nadmin: off\n",
    }),
    "f.yaml",
  );
  const env = { HEADGATE_LISTEN: "127.0.0.1:0" };
  const said = "HEADGATE_LISTEN overrides listen of the ";
  assert.match(call(["check", file], { env }).out, new RegExp(`^${said}file$`, "m"));
  const { overridden } = JSON.parse(call(["check", file, "--json"], { env }).out);
  assert.deepEqual(overridden, [{ key: "listen", place: "HEADGATE_LISTEN" }]);
  const args = ["run", "--config", file, "--upstream", "http://127.0.0.1:2"];
  const started = startProcess(t, args, env);
  await started.printed(new RegExp(`${said}route file`));
  await started.printed(/--upstream overrides upstream\.url of the route file/);
});

/**
 * Symptom: `headgate run --config http://user:password@host` printed the password, as did other flags whose value is a URL by mistake. Root
 * cause: names of files, and the arguments that an error repeats, were printed as they are. Fix: both are masked where they enter a message.
 */
test("no error repeats a password in an argument or a file's name", async (t) => {
  const cwd = await makeDirectory(t, { "app.yaml": "kind: Pod\n" });
  const url = "http://user:s3cret@host";
  const doctor = ["doctor", "http://127.0.0.1:9"];
  const calls: readonly (readonly string[])[] = [
    [url],
    ["run", url],
    ...["--config", "--listen", "--upstream", "--admin", "--log-level"].map((flag) => [
      "run",
      flag,
      url,
    ]),
    ["check", url],
    ["check", url, "--json"],
    ["explain", "GET", "/", "--config", url],
    ["explain", "GET", "/", "--upstream=http://a", "--from", url],
    ["inject", url],
    ["inject", "app.yaml", "--config", url],
    ...["--image", "--port", "--upstream-port", "--set", "--only", "--compose"].map((flag) => [
      "inject",
      "app.yaml",
      flag,
      `${url} x`,
    ]),
    ["inject", "app.yaml", "--set", `image.pullPolicy=${url}`],
    [...doctor, "/x", "--timeout", url],
    ...["--ca", "--limit", "--bytes", "--through", "--openapi", "--base", "--param"].map((flag) => [
      ...doctor,
      flag,
      url,
    ]),
    ["init", "http://127.0.0.1:9", "/x", "--output", url],
    ["healthcheck", "--admin", url],
  ];
  for (const args of calls) {
    const { code, out, err } = call(args, { cwd });
    assert.notEqual(code, 0, args.join(" "));
    assert.doesNotMatch(out + err, /s3cret/, args.join(" "));
  }
  const { err } = call(["check"], { cwd, env: { HEADGATE_CONFIG: url } });
  assert.match(err, /^http:\/\/<hidden>@host: does not exist\n/);
});

// Symptom: with TLS, each start in Kubernetes logged "HEADGATE_LISTEN overrides listen.address of the route file". Root cause: chart and
// kustomize component set the same address in both places. Fix: an override that means the same as the file's value is not named.
test("an override that means the same as the file's value is not named", async (t) => {
  const cwd = await makeDirectory(t, {
    "f.yaml":
      "upstream: { url: http://127.0.0.1:1 }\nlisten: { address: 0.0.0.0:0 }\nadmin: :0\nlog: { level: info }\n",
  });
  const env = {
    HEADGATE_LISTEN: ":0",
    HEADGATE_ADMIN: "0.0.0.0:0",
    HEADGATE_UPSTREAM: "http://127.0.0.1:1/",
    HEADGATE_LOG_LEVEL: "info",
  };
  assert.doesNotMatch(call(["check", "f.yaml"], { cwd, env }).out, /overrides/);
  assert.deepEqual(
    JSON.parse(call(["check", "f.yaml", "--json"], { cwd, env }).out).overridden,
    [],
  );
  const started = startProcess(t, ["run", "--config", join(cwd, "f.yaml")], env);
  await started.printed(/"msg":"route"/);
  started.signal("SIGTERM");
  await started.exited;
  assert.doesNotMatch(started.stdout(), /overrides/);
});

// Symptom: an editor accepts `upstream: {}`, and check said only that the URL is missing. Root cause: the schema accepts what a flag may
// complete, and the message did not name the flag. Fix: it does.
test("a mapping without a URL is completed by a flag, whatever the file has in its place", async (t) => {
  const files = {
    "empty.yaml": "upstream: {}\nlisten: [{ address: :1 }]\n",
    "settings.yaml": "upstream: { responseTimeout: 5s }\n",
    "others.yaml": "upstream: { url: [{}] }\nlisten: { address: {} }\nadmin: [{}]\n",
  };
  const cwd = await makeDirectory(t, files);
  const env = { HEADGATE_LISTEN: ":1", HEADGATE_ADMIN: "off" };
  for (const file of Object.keys(files)) {
    const { out, err } = call(["check", file, "--upstream", "http://a"], { cwd, env });
    assert.match(out, /^\S+ is valid$/m, err);
  }
  const { err } = call(["check", "empty.yaml"], { cwd });
  assert.match(
    err,
    /^empty\.yaml:1:11 upstream\.url: is missing: a URL such as http:\/\/127\.0\.0\.1:8000, here, by --upstream or HEADGATE_UPSTREAM\n/,
  );
});

test("the start and a reload log warnings about the file", async (t) => {
  const toFile = (path: string): string =>
    `upstream: http://127.0.0.1:1\nlisten: 127.0.0.1:0\nadmin: off\nroutes: [{ path: "${path}" }]\n`;
  const file = join(await makeDirectory(t, { "f.yaml": toFile("/users/:id") }), "f.yaml");
  const started = startProcess(t, ["run", "--config", file]);
  await started.printed(
    /"level":"warn".*f\.yaml:4:18 routes\[0\]\.path: \\":id\\" is taken literally/,
  );
  writeFileSync(file, toFile("/x/[0-9]+"));
  started.signal("SIGHUP");
  await started.printed(/"level":"warn".*\\"\[0-9\]\+\\" is taken literally/);
});

test("check shows what a route does differently from the defaults", () => {
  const input =
    "upstream: http://127.0.0.1:1\nroutes: [{ path: /a, responseTimeout: 5m, head: { share: 1s, drain: { bytes: 1MiB } } }]\n";
  const { out } = call(["check", "-"], { input });
  assert.match(out, /^\/a .* head\.share=1s head\.drain\.bytes=1MiB responseTimeout=5m$/m);
});

// With two headgates on one machine the second one ended, because of a port that the operator had not set.
test("a default admin address that is taken is a warning; a configured one ends the start", (t) => {
  const within = inNetwork(t, {});
  if (within === undefined) return;
  const [command = "", ...args] = within;
  const script = [...args, process.execPath, "-e", TAKEN, BUNDLE];
  const { stdout, stderr } = spawnSync(command, script, { encoding: "utf8", timeout: 60_000 });
  assert.equal(stdout, "serves with a warning; ends with 1\n", stderr);
});

// Symptom: where the default admin address could not be had for another reason than a taken port, such as a network without that address,
// headgate did not start. Root cause: only EADDRINUSE was a warning. Fix: any error of that address is, unless the operator set it.
test("a default admin address that the machine does not have is a warning", async (t) => {
  const env = { HEADGATE_ADMIN_DEFAULT: "192.0.2.1:9090" };
  const args = ["run", "--upstream", "http://127.0.0.1:9", "--listen", "127.0.0.1:0"];
  const started = startProcess(t, args, env);
  const [line] = await started.printed(/^.*no admin port.*$/m);
  assert.match(
    JSON.parse(line).msg,
    /^no admin port: its default address 192\.0\.2\.1:9090 cannot be opened \(EADDRNOTAVAIL\); choose another by --admin ADDR or --admin off$/,
  );
  await started.printed(/"admin":"off"/);
  const configured = startProcess(t, [...args, "--admin", "192.0.2.1:9090"]);
  assert.equal((await configured.exited).code, 1);
  assert.equal(
    configured.stderr(),
    "headgate: address not available 192.0.2.1:9090: this machine does not have that address; choose another by --admin ADDR or --admin off\n",
  );
});

/** Binds 127.0.0.1:9090, then starts headgate without and with that address. */
const TAKEN = `
const { spawn } = require("node:child_process");
const { once } = require("node:events");
const run = (...more) => {
  const args = [process.argv[1], "run", "--upstream", "http://127.0.0.1:9", "--listen", "127.0.0.1:0", ...more];
  return spawn(process.execPath, args, { stdio: ["ignore", "pipe", "ignore"] });
};
void (async () => {
  await once(require("node:net").createServer().listen(9090, "127.0.0.1"), "listening");
  const first = run();
  let text = "";
  first.stdout.setEncoding("utf8");
  for await (const chunk of first.stdout) if ((text += chunk).includes("listening on")) break;
  const isWarned = /no admin port: its default address 127.0.0.1:9090 is taken/.test(text);
  first.kill("SIGKILL");
  const [code] = await once(run("--admin", "127.0.0.1:9090"), "exit");
  console.log(\`serves \${isWarned ? "with a warning" : "silently"}; ends with \${code}\`);
  process.exit();
})();
`;
