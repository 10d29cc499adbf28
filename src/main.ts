/** The process: arguments and environment in, signals, exit code out. The only file that touches `process`. */

import { check } from "./cli/check.ts";
import { demo } from "./cli/demo.ts";
import { doctor } from "./cli/doctor/command.ts";
import { explain } from "./cli/explain/command.ts";
import { UsageError } from "./cli/flags.ts";
import { MAX_MANIFEST_BYTES } from "./cli/inject/input.ts";
import { healthcheck } from "./cli/healthcheck.ts";
import { COMMAND_HELP, HELP } from "./cli/help.ts";
import { init } from "./cli/init.ts";
import { inject } from "./cli/inject/command.ts";
import type { Command, Io } from "./cli/io.ts";
import { run } from "./cli/run.ts";
import { schema } from "./cli/schema.ts";
import { ConfigError, formatWarnings } from "./config/diagnostic.ts";
import { didYouMean } from "./config/hints/did-you-mean.ts";
import { hideInMessage } from "./http/secrets.ts";
import { createHeap } from "./runtime/heap.ts";

/** Set by the build; undefined if the sources run without a build. */
declare const HEADGATE_VERSION: string | undefined;

// Under `npm start` one Ctrl-C arrives twice, from the terminal and from npm, a millisecond apart. The two count as one. Other signals
// reach npm only, which forwards each once, so two of them are always two.
const INTERRUPT_ECHO_MS = 50;

const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ["run", run],
  ["demo", demo],
  ["check", check],
  ["explain", explain],
  ["doctor", doctor],
  ["init", init],
  ["inject", inject],
  ["healthcheck", healthcheck],
  ["schema", schema],
]);

/** Commands that run until a signal. */
const SERVICES: ReadonlySet<Command> = new Set([run, demo]);

const io: Io = {
  env: process.env,
  get cwd() {
    return currentFolder();
  },
  pid: process.pid,
  version: typeof HEADGATE_VERSION === "string" ? HEADGATE_VERSION : "0.0.0-dev",
  nodeVersion: process.version,
  isTerminal: process.stdout.isTTY,
  isErrorTerminal: process.stderr.isTTY,
  heap: createHeap(),
  readInput,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  onTerminate(listener) {
    let begunMs: number | undefined;
    const onSignal = (name: string): void => {
      if (begunMs === undefined) {
        begunMs = performance.now();
        listener();
      } else if (name !== "SIGINT" || performance.now() - begunMs > INTERRUPT_ECHO_MS) {
        process.exit(1); // a second signal ends the process at once
      }
    };
    process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  },
  onReload: (listener) => void process.on("SIGHUP", listener),
};

// A failed write to standard output neither prints a stack trace nor ends the proxy. EPIPE (as with `… | head -1`) is no error: the
// reader has read enough. After any other error, such as a full disk, the output is incomplete, so the exit code is 1.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") return;
  process.exitCode = 1;
  io.err(`headgate: standard output: ${error.message}\n`);
});
process.stderr.on("error", () => undefined); // there is no other place to report it

void dispatch(process.argv.slice(2)).then((code) => {
  process.exitCode ??= code;
});

async function dispatch([name, ...args]: readonly string[]): Promise<number> {
  if (name === "--version" || name === "-v") {
    io.out(`headgate ${io.version}\n`);
    return 0;
  }
  const help = findHelp(name, args);
  if (help !== undefined) {
    io.out(help);
    return 0;
  }
  const command = name === undefined ? undefined : COMMANDS.get(name);
  if (command !== undefined) return perform(command, args, `${name} --help`);
  io.err(name === undefined ? HELP : toUnknown(name));
  return 2;
}

function toUnknown(name: string): string {
  const [word = ""] = name.split("=", 1); // the value of a flag may hold a password
  if (word.startsWith("--") && COMMAND_HELP.get("run")?.includes(`\n  ${word} `))
    return `headgate: a command must come before '${word}', such as: headgate run ${word}; see headgate --help\n`;
  const meant = didYouMean(word, [...COMMANDS.keys()]);
  return `headgate: there is no command '${hideInMessage(word)}'${meant}; see headgate --help\n`;
}

function isHelp(word: string): boolean {
  return word === "--help" || word === "-h";
}

/** The help text for `--help`, `help COMMAND` or `COMMAND --help`; undefined for other arguments. */
function findHelp(name: string | undefined, args: readonly string[]): string | undefined {
  if (name === undefined) return undefined;
  if (isHelp(name) || name === "help") return COMMAND_HELP.get(args[0] ?? "") ?? HELP;
  return args.some(isHelp) ? COMMAND_HELP.get(name) : undefined;
}

async function perform(command: Command, args: readonly string[], help: string): Promise<number> {
  try {
    const code = await command(args, io);
    // A failed write to standard output sets exit code 1. A service ends later, with the code of its end.
    if (SERVICES.has(command)) process.exitCode = undefined;
    return code;
  } catch (error) {
    if (error instanceof UsageError) io.err(`headgate: ${error.message}; see headgate ${help}\n`);
    else if (error instanceof ConfigError)
      io.err(`${error.message}\n${formatWarnings(error.warnings)}`);
    else throw error;
    return error instanceof UsageError || isOfFlags(error) ? 2 : 1;
  }
}

async function readInput(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of process.stdin as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_MANIFEST_BYTES) break;
  }
  return Buffer.concat(chunks);
}

// Called only by commands that read a file, so the others work in a folder that was deleted.
function currentFolder(): string {
  try {
    return process.cwd();
  } catch {
    throw new UsageError(
      "the current folder does not exist any more: start headgate in another one",
    );
  }
}

// Whether all problems are in flags. `--listen foo` is a usage error, like `--lisen :80`: exit code 2. A wrong route file is exit code 1.
function isOfFlags({ diagnostics }: ConfigError): boolean {
  return diagnostics.every(({ file, key }) => file === undefined && key.startsWith("--"));
}
