import assert from "node:assert/strict";
import test from "node:test";
import { substitute } from "../../src/config/variables.ts";
import { loadText, messageOf, problemsOf } from "../support/route-file.ts";

const env = {
  PORT: "8000",
  EMPTY: "",
  TRICK: "${PORT}: [x] # y",
  OFF: "off",
  NUMBER: "7",
  LIST: "[1, 2]",
  DASH: "-",
  PATH_: "/a$b",
};

test("variables, defaults, required ones and the dollar sign itself", () => {
  const expected: Readonly<Record<string, string>> = {
    "a${PORT}b${PORT}": "a8000b8000",
    "${NONE:-x}${EMPTY:-y}${PORT:-z}": "xy8000",
    "${EMPTY}": "",
    "${PORT:?needed}": "8000",
    "$$ $${PORT} $PORT $ $5": "$ ${PORT} $PORT $ $5",
    "${TRICK}": "${PORT}: [x] # y",
    "${NONE:-}": "",
    "${PATH_}": "/a$b",
  };
  for (const [text, result] of Object.entries(expected))
    assert.equal(substitute(text, env), result, text);
});

test("a variable that cannot be substituted is an error that names it", () => {
  const expected: Readonly<Record<string, RegExp>> = {
    "${NONE}": /the variable NONE is not set; \$\{NONE:-…\} gives a default/,
    "${NONE:?say where}": /the variable NONE is not set: say where/,
    "${EMPTY:?say where}": /the variable EMPTY is empty: say where/,
    "${}": /is not \$\{NAME\}/,
    "${a b}": /is not \$\{NAME\}/,
    "${PORT-1}": /is not \$\{NAME\}/,
    "${PORT": /has no end/,
    "${__proto__}": /not set/,
    "${toString}": /not set/,
  };
  for (const [text, message] of Object.entries(expected))
    assert.throws(() => substitute(text, env), { name: "RangeError", message }, text);
});

test("a substituted plain value is parsed again, so a variable can be a number or a word", async (t) => {
  const text =
    "upstream: http://app:${PORT}\nadmin: ${OFF}\nlimits:\n  waiting: ${NUMBER}\n  draining: 1${NUMBER}\n";
  const { config } = await loadText(t, text, { env });
  assert.equal(config.upstreams.get("default")?.url.port, 8000);
  assert.equal(config.admin, "off");
  assert.deepEqual([config.limits.waiting, config.limits.draining], [7, 17]);
});

/**
 * Symptom: between brackets or braces no variable could become a number or a boolean. Root cause: a quoted value is a string, and a
 * variable must be quoted there. Fix: a single quoted variable between brackets or braces is parsed like an unquoted one elsewhere.
 */
test("between brackets or braces a single quoted variable can be a number or a boolean", async (t) => {
  const lines = [
    "upstream: http://app",
    "limits: { waiting: \"${NUMBER}\", draining: '${NONE:-12}' }",
    'head: { fallbackOn: ["${NONE:-404}"], explain: "${NONE:-true}", drain: { bytes: "${NUMBER}KiB" } }',
    "log:",
    '  fields: ["${NONE:-url.path}"]',
    '  query: "${NONE:-true}"',
  ];
  const problems = await problemsOf(loadText(t, `${lines.join("\n")}\n`, { env }));
  assert.deepEqual(
    problems.map(({ line, key, message }) => [line, key, message]),
    [[6, "log.query", "must be true or false, not text; did you mean true, without quotes?"]],
    "in block style, quotes make a string",
  );
  const { config } = await loadText(t, `${lines.slice(0, -1).join("\n")}\n`, { env });
  assert.deepEqual([config.limits.waiting, config.limits.draining], [7, 12]);
  const { fallbackOn, explain, drain } = config.defaultRoute.head;
  assert.deepEqual([fallbackOn, explain, drain.bytes], [[404], true, 7 * 1024]);
  assert.deepEqual(config.log.fields, ["url.path"]);
});

test("between brackets or braces a quoted value with more than one variable is a string", async (t) => {
  for (const value of ['"1${NUMBER}"', '"${NUMBER}${NUMBER}"', '"${NUMBER} "', '"$${7}"', '"7"']) {
    const text = `upstream: http://app\nlimits: { waiting: ${value} }\n`;
    const [problem] = await problemsOf(loadText(t, text, { env }));
    assert.match(problem?.message ?? "", /^must be a whole number, not text/, value);
  }
});

test("a value of an alias is read as where it is written", async (t) => {
  const text =
    'upstream: http://app\nlimits:\n  waiting: 1\n  draining: &n "${NUMBER}"\nhead: { limit: { concurrent: *n } }\n';
  const problems = await problemsOf(loadText(t, text, { env }));
  assert.deepEqual(problems.map(({ key }) => key).toSorted(), [
    "head.limit.concurrent",
    "limits.draining",
  ]);
});

test("a variable's value cannot become structure", async (t) => {
  for (const name of ["LIST", "TRICK", "DASH"]) {
    const text = `upstream: http://app\nroutes: \${${name}}\n`;
    assert.match(
      await messageOf(loadText(t, text, { env })),
      /routes: must be a list of routes, not text/,
      name,
    );
  }
});

test("an unset variable is one problem, with its line and column", async (t) => {
  const problems = await problemsOf(
    loadText(t, 'upstream: http://app\nlog:\n  level: "${NONE}"\nlimits: { waiting: "${NONE}" }\n'),
  );
  assert.deepEqual(
    problems.map(({ line, col, key }) => [line, col, key]),
    [
      [3, 10, "log.level"],
      [4, 20, "limits.waiting"],
    ],
  );
});

test("substitution does not change the positions of a file", async (t) => {
  const [problem] = await problemsOf(
    loadText(t, "upstream: http://app\nlisten: ${TRICK}\n", { env }),
  );
  assert.deepEqual(
    [problem?.line, problem?.col, problem?.excerpt],
    [2, 9, "  2 | listen: ${TRICK}\n    |         ^^^^^^^^"],
  );
});
