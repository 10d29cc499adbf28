/** The process of `lookups.ts`: headgate's resolver, told by lines of its standard input what to look up. */

import { createInterface } from "node:readline";
import { readSystemFile } from "../../src/config/files.ts";
import { ProxyError } from "../../src/http/errors.ts";
import { createResolver } from "../../src/upstream/resolver.ts";
import type { Ending, Line } from "./lookups.ts";

const resolver = createResolver(readSystemFile);
const say = (line: Line): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
createInterface({ input: process.stdin }).on("line", (line) => {
  const [order, id, name = ""] = line.split(" ");
  if (order === "lookup") {
    resolver.lookup(name).then(
      (addresses) => say({ id: Number(id), ending: addresses }),
      (error: unknown) => say({ id: Number(id), ending: toEnding(error) }),
    );
  } else if (order === "begun") say({ id: Number(id) });
  else if (order === "exit") process.exit(0);
  else {
    resolver.close();
    process.stdin.destroy();
  }
});

function toEnding(error: unknown): Ending {
  if (!(error instanceof ProxyError)) throw error;
  const { code, cause } = error;
  return { error: code, cause: cause instanceof Error ? cause.message : "" };
}
