// The console blocks of the first pages are run as they are written, in a network of their own, where the ports that they name are free.
// A comment before each block says how: `<!-- run: SETUP -->`, or `<!-- not run: REASON -->`.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";

import { root } from "../support/manifests.ts";
import { inNamespace, namespaceMissing } from "../support/namespace.ts";
import { BUNDLE, PYTHON, createFolder, hasModules } from "../support/real.ts";
import { PYTHON_ENV } from "./backends.ts";

const PAGES = ["README.md"].concat(
  ["why-405", "troubleshooting", "recipes", "docker", "doctor", "inject", "kubernetes", "tls"].map(
    (page) => `docs/${page}.md`,
  ),
);

/** The programs that a setup starts in the background, and the ports that it waits for. */
const SETUPS: Readonly<
  Record<string, { readonly start: readonly string[]; readonly ports: readonly number[] }>
> = {
  nothing: { start: [], ports: [] },
  demo: { start: ["headgate demo"], ports: [8000, 8080, 9090] },
  uvicorn: {
    start: [
      `${PYTHON} -m uvicorn --app-dir "$FOLDER" --port 8000 --log-level warning main:app`,
      "headgate run --upstream http://127.0.0.1:8000 --listen :8080",
    ],
    ports: [8000, 8080, 9090],
  },
};

interface Block {
  /** `run: SETUP` or `not run: REASON`. */
  readonly directive: string | undefined;
  readonly commands: readonly { readonly command: string; readonly output: string }[];
}

function readBlocks(text: string): readonly Block[] {
  const blocks = text.matchAll(
    /(?:^<!-- ((?:not )?run: [^\n]+) -->\n\n)?^```console\n(.*?)^```$/gms,
  );
  return [...blocks].map(([, directive, body = ""]) => ({
    directive,
    commands: body
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const [, command = "", output = ""] = /^((?:[^\n]*\\\n)*[^\n]*)\n(.*)$/s.exec(part) ?? [];
        return { command, output: output.trimEnd() };
      }),
  }));
}

/** Replaces what differs from run to run: dates, and line ends of HTTP. */
function toComparable(output: string): string {
  return output
    .replaceAll("\r", "")
    .replaceAll(/^(date: ).*$/gim, "$1…")
    .trimEnd();
}

/** The bash script that starts the programs, waits for their ports and runs the commands, each with its output in a file. */
function toScript(setup: string, commands: readonly string[], folder: string): string {
  const { start, ports } = SETUPS[setup] ?? assert.fail(`no such setup: ${setup}`);
  return [
    "trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT",
    ...start.map((one) => `${one} >>"$FOLDER/setup" 2>&1 &`),
    ...ports.map(
      (port) => `until (: </dev/tcp/127.0.0.1/${port}) 2>/dev/null; do sleep 0.05; done`,
    ),
    ...commands.map((command, index) => {
      const file = join(folder, String(index));
      writeFileSync(`${file}.sh`, `${command}\n`);
      return `bash '${file}.sh' >'${file}' 2>'${file}.err' </dev/null; echo $? >'${file}.code'`;
    }),
  ].join("\n");
}

const network = inNamespace("net", "ip link set lo up");

/** Why a setup does not run here; false if it does. */
function missingFor(setup: string): string | false {
  if (process.platform !== "linux") return "LEFT OUT: needs Linux";
  if (setup === "uvicorn" && !hasModules(PYTHON, ["fastapi", "uvicorn"]))
    return "LEFT OUT: not installed (apt-get install python3-fastapi uvicorn)";
  return namespaceMissing(network);
}

for (const page of PAGES) {
  const text = readFileSync(join(root, page), "utf8");
  const blocks = readBlocks(text);

  test(`each console block of ${page} says how it is run, or why it is not`, () => {
    assert.equal(blocks.length, text.match(/^```console$/gm)?.length ?? 0);
    for (const { directive, commands } of blocks) {
      assert.ok(commands.length > 0, "a console block has commands");
      const [, setup] = /^run: (.*)$/.exec(directive ?? "not said") ?? [];
      const reason = /^not run: \S+ \S+ \S+/.test(directive ?? "");
      assert.ok(reason || (setup ?? "") in SETUPS, `${commands[0]?.command}: ${directive}`);
    }
  });

  for (const setup of Object.keys(SETUPS)) {
    const commands = blocks
      .filter(({ directive }) => directive === `run: ${setup}`)
      .flatMap((block) => block.commands);
    if (commands.length === 0) continue;
    test(
      `the console blocks of ${page} that need ${setup} print what it shows`,
      {
        skip: missingFor(setup),
      },
      (t) => {
        const folder = createFolder(t);
        const [, app] = /^```python\n(.*?)^```$/ms.exec(text) ?? [];
        if (app !== undefined) writeFileSync(join(folder, "main.py"), app);
        const written = commands.map(({ command }) => command);
        const ran = runInNetwork(toScript(setup, written, folder), folder);
        const read = (name: string) => readFileSync(join(folder, name), "utf8");
        for (const [index, { command, output }] of commands.entries()) {
          assert.ok(existsSync(join(folder, `${index}.code`)), `${command} was not run: ${ran}`);
          const actual = toComparable(read(String(index)));
          if (output !== "") assert.equal(actual, toComparable(output), `$ ${command}\n${ran}`);
          else assert.equal(read(`${index}.code`), "0\n", `$ ${command}\n${read(`${index}.err`)}`);
        }
      },
    );
  }
}

/** Runs a bash script in the root of the repository, with `headgate` on its path. Returns what it printed besides. */
function runInNetwork(script: string, folder: string): string {
  const bin = join(folder, "bin");
  mkdirSync(bin);
  writeFileSync(join(bin, "headgate"), `#!/bin/sh\nexec '${process.execPath}' '${BUNDLE}' "$@"\n`);
  chmodSync(join(bin, "headgate"), 0o755);
  // The outer npm passes its own options in the environment.
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^npm_|^HEADGATE_|^FORCE_COLOR$/i.test(name),
  );
  const env = {
    ...Object.fromEntries(inherited),
    ...PYTHON_ENV,
    FOLDER: folder,
    NODE_OPTIONS: "",
    PATH: `${bin}:${process.env["PATH"] ?? ""}`,
  };
  const [command, ...args] = [...network, "bash", "-c", script];
  const { stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    env,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    timeout: 120_000,
  });
  const setup = join(folder, "setup");
  return `${stdout}${stderr}${existsSync(setup) ? readFileSync(setup, "utf8") : ""}`;
}
