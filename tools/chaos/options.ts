import { parseArgs } from "node:util";
import { ROADS, type Roads } from "./plan.ts";

export const USAGE = `npm run chaos -- [options]
  --seconds N    how long clients ask (120)
  --requests N   go on until that many requests have ended as well (0)
  --seed N       draws the same exchanges again; when left out, one is drawn and printed
  --clients N    how many ask at the same time (20)
  --roads NAMES  of ${Object.keys(ROADS).join(", ")}; all when left out`;

export interface ChaosOptions {
  readonly seconds: number;
  readonly requests: number;
  readonly seed: number;
  readonly clients: number;
  readonly roads: Roads;
}

/** Reads the command line; undefined means that help was asked for. Throws on what it does not know. */
export function parseOptions(args: readonly string[]): ChaosOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: "string", default: "120" },
      requests: { type: "string", default: "0" },
      seed: { type: "string" },
      clients: { type: "string", default: "20" },
      roads: { type: "string", default: Object.keys(ROADS).join(",") },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return undefined;
  return {
    seconds: toNumber("seconds", values.seconds),
    requests: toNumber("requests", values.requests),
    seed: toNumber("seed", values.seed ?? String(Math.floor(Math.random() * 2 ** 32))),
    clients: toNumber("clients", values.clients),
    roads: toRoads(values.roads.split(",")),
  };
}

function toRoads(names: readonly string[]): Roads {
  const unknown = names.find((name) => !(name in ROADS));
  if (unknown !== undefined) throw new Error(`--roads knows no ${unknown}`);
  return Object.fromEntries(Object.entries(ROADS).filter(([name]) => names.includes(name)));
}

function toNumber(name: string, text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new Error(`--${name} takes a number, not ${text}`);
  return Number(text);
}
