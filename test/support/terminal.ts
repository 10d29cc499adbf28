/** Runs programs on a real terminal: a pseudo-terminal of Python's, which is 80 columns wide. */

import { spawnSync } from "node:child_process";

import { type Ran, runAny } from "./real.ts";

/** Runs a command on a new terminal, copies what it writes there, and ends with its exit code. */
const PROGRAM = `
import fcntl, os, pty, struct, sys, termios
pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    os.execvp(sys.argv[1], sys.argv[1:])
while True:
    try:
        written = os.read(terminal, 65536)
    except OSError: # EIO: the program has closed the terminal
        break
    if not written:
        break
    os.write(1, written)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

/** Why tests with a terminal are skipped here; false if they run. For `skip` of node:test. In CI they are not skipped: they fail. */
export function terminalMissing(): string | false {
  if (process.env["CI"] === "true") return false;
  const { status } = spawnSync("python3", ["-c", "import pty, os; os.waitstatus_to_exitcode"]);
  return status === 0 ? false : "LEFT OUT: no python3 for a pseudo-terminal";
}

/** Runs a command on a terminal; its `stdout` is all that the terminal got. */
export function runOnTerminal(
  command: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Ran> {
  const usual = { TERM: "xterm", CI: "", FORCE_COLOR: undefined };
  return runAny(["python3", "-c", PROGRAM, ...command], { env: { ...usual, ...env } });
}

/** The lines that a terminal shows at the end, without colours. It knows line ends, carriage returns and the erasing of a line. */
export function toScreen(written: string): readonly string[] {
  const lines = [""];
  let column = 0;
  for (const [token] of written.matchAll(/\u001b\[[\d;]*[A-Za-z]|[^]/g)) {
    const line = lines.at(-1) ?? "";
    if (token === "\n") lines.push("");
    else if (token === "\r") column = 0;
    else if (token === "\u001b[K") lines[lines.length - 1] = line.slice(0, column);
    else if (!token.startsWith("\u001b")) {
      lines[lines.length - 1] = line.slice(0, column) + token + line.slice(column + 1);
      column += 1;
    }
  }
  return lines;
}
