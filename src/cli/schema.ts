/** `headgate schema`: prints the route file's JSON Schema, for editors. */

import { toJsonSchema } from "../config/schema/file.ts";
import type { CommandIo } from "./io.ts";

/** Prints the schema. The exit code is 0, or 2 if there are arguments. */
export async function schema(args: readonly string[], io: CommandIo): Promise<number> {
  if (args.length > 0) {
    io.err("usage: headgate schema\n");
    return 2;
  }
  io.out(`${JSON.stringify(toJsonSchema(), undefined, 2)}\n`);
  return 0;
}
