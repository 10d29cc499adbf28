import { readFlags, toNames } from "../shared/options.ts";

/** The parts of the report. */
export const PARTS = ["idle", "slow", "reload", "rolling", "files", "upstreams"] as const;
/** One part. */
export type Part = (typeof PARTS)[number];

/** The help text. */
export const USAGE = `npm run reliability -- [options]
  --only PARTS   of ${PARTS.join(", ")}; all when left out
  --peer NAMES   beside headgate, where the same test can be pointed at them: nginx, haproxy, caddy
  --short        fewer connections and reloads: for trying a change, not for publishing`;

/** The options of a run. */
export interface ReliabilityOptions {
  readonly parts: readonly Part[];
  readonly subjects: readonly string[];
  readonly scale: Scale;
}

/** The amounts of a run. */
export interface Scale {
  readonly idleConnections: number;
  readonly slowHeads: number;
  readonly slowReaders: number;
  readonly slowSeconds: number;
  readonly reloads: number;
  readonly restarts: number;
  /** Restarts per instance behind HAProxy. */
  readonly cycles: number;
}

const FULL: Scale = {
  idleConnections: 10_000,
  slowHeads: 500,
  slowReaders: 200,
  slowSeconds: 10,
  reloads: 200,
  restarts: 20,
  cycles: 3,
};
const SHORT: Scale = {
  idleConnections: 1_000,
  slowHeads: 100,
  slowReaders: 50,
  slowSeconds: 2,
  reloads: 20,
  restarts: 4,
  cycles: 1,
};

/** Reads the command line; undefined means that `--help` is among the flags. Throws on an unknown flag. */
export function parseOptions(args: readonly string[]): ReliabilityOptions | undefined {
  const values = readFlags(args, {
    only: { type: "string", default: PARTS.join(",") },
    peer: { type: "string", default: "" },
    short: { type: "boolean", default: false },
  });
  if (values === undefined) return undefined;
  const peers = values.peer.split(",").filter((name) => name !== "");
  return {
    parts: toNames("only", values.only, PARTS),
    subjects: ["headgate", ...peers],
    scale: values.short ? SHORT : FULL,
  };
}
