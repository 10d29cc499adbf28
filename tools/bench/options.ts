import { readFlags, toCount, toNames } from "../shared/options.ts";

/** The help text. */
export const USAGE = `npm run bench -- [options]
  --quick              three rounds: for trying a change, not for publishing
  --rounds N           how often all take their turn (11); more of them even out what disturbs the machine
  --only NAMES         only these peers, e.g. --only headgate,http-proxy
  --clients NAMES      only these clients: plain (HTTP/1.1), tls (HTTP/1.1 and HTTP/2 over TLS); both by default
  --json               print the figures as JSON
  --write              put the tables into docs/internals/performance.md
  --profile            no figures: the functions of headgate (or of the Node peers in --only) with the most self time`;

/** The options of a run. */
export interface Options {
  /** The task: measure, or take a CPU profile. */
  readonly task: "measure" | "profile";
  readonly format: "table" | "json";
  readonly publish: "print" | "write";
  readonly rounds: number;
  readonly starts: number;
  /** Names of the peers to run; undefined means all. */
  readonly only: readonly string[] | undefined;
  readonly clients: readonly ("plain" | "tls")[];
}

const ROUNDS = 11;
const QUICK_ROUNDS = 3;

/** Reads the command line; undefined means that `--help` is among the flags. Throws on an unknown flag. */
export function parseOptions(args: readonly string[]): Options | undefined {
  const values = readFlags(args, {
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    profile: { type: "boolean", default: false },
    rounds: { type: "string" },
    only: { type: "string" },
    clients: { type: "string", default: "plain,tls" },
  });
  if (values === undefined) return undefined;
  const clients = toNames("clients", values.clients, ["plain", "tls"]);
  if (values.write && (values.quick || values.only !== undefined || clients.length < 2)) {
    throw new Error("--write publishes a full run: leave out --quick, --only and --clients");
  }
  const preset = values.quick ? QUICK_ROUNDS : ROUNDS;
  return {
    task: values.profile ? "profile" : "measure",
    format: values.json ? "json" : "table",
    publish: values.write ? "write" : "print",
    rounds: values.rounds === undefined ? preset : toCount("rounds", values.rounds),
    starts: 5,
    only: values.only?.split(",").map((name) => name.trim()),
    clients,
  };
}
