/** The process of `lookups.ts`: runs headgate's resolver, and reads the names to look up from standard input. */

import { createInterface } from "node:readline";
import { readSystemFile } from "../../src/config/files.ts";
import { ProxyError } from "../../src/http/errors.ts";
import { createResolver } from "../../src/upstream/resolver.ts";
import type { LookupResult, Line } from "./lookups.ts";

const resolver = createResolver(readSystemFile);
const say = (line: Line): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
createInterface({ input: process.stdin }).on("line", (line) => {
  const [order, id, name = ""] = line.split(" ");
  if (order === "lookup") {
    resolver.lookup(name).then(
      (addresses) => say({ id: Number(id), result: addresses }),
      (error: unknown) => say({ id: Number(id), result: toEnding(error) }),
    );
  } else if (order === "begun") say({ id: Number(id) });
  else if (order === "exit") process.exit(0);
  else {
    resolver.close();
    process.stdin.destroy();
  }
});

function toEnding(error: unknown): LookupResult {
  if (!(error instanceof ProxyError)) throw error;
  const { code, cause } = error;
  return { error: code, cause: cause instanceof Error ? cause.message : "" };
}
