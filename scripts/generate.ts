/** Writes what comes from the schema: `node --import tsx scripts/generate.ts`. A contract test keeps the files true. */

import { writeFile } from "node:fs/promises";
import { toReference } from "./reference.ts";
import { toJsonSchema } from "../src/config/schema.ts";

const root = new URL("../", import.meta.url);
const schema = toJsonSchema();
await writeFile(
  new URL("config/headgate.schema.json", root),
  `${JSON.stringify(schema, undefined, 2)}\n`,
);
await writeFile(new URL("docs/route-file.md", root), toReference(schema));
