/** Writes what comes from the schema: `node --import tsx scripts/generate.ts`. A contract test keeps the files true. */

import { readFile, writeFile } from "node:fs/promises";
import { toReference, toTopLevel } from "./reference.ts";
import { toJsonSchema } from "../src/config/schema/file.ts";

const root = new URL("../", import.meta.url);
const schema = toJsonSchema();
await writeFile(
  new URL("config/headgate.schema.json", root),
  `${JSON.stringify(schema, undefined, 2)}\n`,
);
await writeFile(new URL("docs/route-file.md", root), toReference(schema));

const readme = new URL("README.md", root);
const [before = "", , after = ""] = (await readFile(readme, "utf8")).split(/<!-- \/?generated -->/);
const table = `<!-- generated -->\n\n${toTopLevel(schema)}\n<!-- /generated -->`;
await writeFile(readme, `${before}${table}${after}`);
