import { readFlags, toCount, toNames, toNumber, toSeed } from "../shared/options.ts";
import { ROADS, type Roads } from "./plan.ts";
import { VERSIONS, type Version } from "./versions.ts";

/** The help text. */
export const USAGE = `npm run chaos -- [options]
  --seconds N    how long clients ask (120)
  --requests N   go on until that many requests have ended as well (0)
  --warm N       live memory may not grow from that many requests to the end (2000)
  --seed N       draws the same exchanges again; when left out, one is drawn and printed
  --clients N    how many ask at the same time (20)
  --roads NAMES  of ${Object.keys(ROADS).join(", ")}; all when left out
  --versions NAMES  of ${Object.keys(VERSIONS).join(", ")}; all when left out`;

/** The options of a run. */
export interface ChaosOptions {
  readonly seconds: number;
  readonly requests: number;
  readonly warm: number;
  readonly seed: number;
  readonly clients: number;
  readonly roads: Roads;
  readonly versions: Readonly<Partial<Record<Version, number>>>;
}

/** Reads the command line; undefined means that `--help` is among the flags. Throws on an unknown flag. */
export function parseOptions(args: readonly string[]): ChaosOptions | undefined {
  const values = readFlags(args, {
    seconds: { type: "string", default: "120" },
    requests: { type: "string", default: "0" },
    warm: { type: "string", default: "2000" },
    seed: { type: "string" },
    clients: { type: "string", default: "20" },
    roads: { type: "string", default: Object.keys(ROADS).join(",") },
    versions: { type: "string", default: Object.keys(VERSIONS).join(",") },
  });
  if (values === undefined) return undefined;
  const roads = toNames("roads", values.roads, Object.keys(ROADS));
  const versions = toNames("versions", values.versions, Object.keys(VERSIONS));
  return {
    seconds: toNumber("seconds", values.seconds),
    requests: toCount("requests", values.requests, 0),
    warm: toCount("warm", values.warm, 0),
    seed: toSeed(values.seed),
    clients: toCount("clients", values.clients),
    roads: Object.fromEntries(Object.entries(ROADS).filter(([name]) => roads.includes(name))),
    versions: Object.fromEntries(
      Object.entries(VERSIONS).filter(([name]) => versions.includes(name)),
    ),
  };
}
