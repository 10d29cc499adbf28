/** Runs `headgate doctor` and `headgate init` in the test's process. */

import { tmpdir } from "node:os";

import { doctor } from "../../src/cli/doctor/command.ts";
import { init } from "../../src/cli/init.ts";
import type { Io } from "../../src/cli/io.ts";

/** The result of a call. */
export interface Called {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** The surroundings of the process. */
export type Surroundings = Partial<Pick<Io, "isTerminal" | "isErrorTerminal" | "env" | "cwd">>;

/** Runs `headgate doctor …args`; rejects with a UsageError for an error in the arguments. */
export function callDoctor(args: readonly string[], io: Surroundings = {}): Promise<Called> {
  return call(doctor, args, io);
}

/** Runs `headgate init …args`. */
export function callInit(args: readonly string[], io: Surroundings = {}): Promise<Called> {
  return call(init, args, io);
}

/** One endpoint of `doctor --json`. */
export interface Reported {
  readonly target: string;
  readonly verdict: string;
  readonly reason?: string;
  readonly findings: readonly Readonly<Record<string, unknown>>[];
  readonly get: Readonly<Record<string, unknown>>;
  readonly head: Readonly<Record<string, unknown>>;
  readonly streams: boolean;
  readonly rangesOf?: number;
  readonly headgate: string;
  readonly through?: Omit<Reported, "target" | "headgate" | "through">;
}

/** Runs `headgate doctor …args --json` and returns its endpoints by target. */
export async function diagnose(
  args: readonly string[],
): Promise<Readonly<Record<string, Reported>>> {
  const { out } = await callDoctor([...args, "--json"]);
  const { endpoints } = JSON.parse(out) as { readonly endpoints: readonly Reported[] };
  return Object.fromEntries(endpoints.map((one) => [one.target, one]));
}

async function call(
  command: typeof doctor,
  args: readonly string[],
  surroundings: Surroundings,
): Promise<Called> {
  const written = { out: "", err: "" };
  const io = {
    env: {},
    cwd: tmpdir(),
    version: "0.0.0-test",
    isTerminal: false,
    isErrorTerminal: false,
    ...surroundings,
    out: (text: string) => void (written.out += text),
    err: (text: string) => void (written.err += text),
  };
  const code = await command(args, io as unknown as Io);
  return { code, ...written };
}
