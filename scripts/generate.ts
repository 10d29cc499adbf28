/** Writes what comes from the schema and the chart's values: `node --import tsx scripts/generate.ts`. Contract tests keep the files true. */

import { readFile, writeFile } from "node:fs/promises";
import { toChartReadme } from "./chart-readme.ts";
import { toReference } from "./reference.ts";
import { embedRouteFile } from "./values-schema.ts";
import { toJsonSchema } from "../src/config/schema/file.ts";

const root = new URL("../", import.meta.url);
const schema = toJsonSchema();
await writeJson("config/headgate.schema.json", schema);
await write("docs/route-file.md", toReference(schema));

const valuesSchema = JSON.parse(await read("helm/headgate/values.schema.json")) as object;
await writeJson("helm/headgate/values.schema.json", embedRouteFile(valuesSchema, schema));
await write("helm/headgate/README.md", toChartReadme(await read("helm/headgate/values.yaml")));

function read(path: string): Promise<string> {
  return readFile(new URL(path, root), "utf8");
}

function write(path: string, text: string): Promise<void> {
  return writeFile(new URL(path, root), text);
}

function writeJson(path: string, value: object): Promise<void> {
  return write(path, `${JSON.stringify(value, undefined, 2)}\n`);
}
