/** Validates with the committed JSON Schema of the route file, in strict mode. */

import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { parse } from "yaml";

import type { JsonSchema } from "../../src/config/schema/json-schema.ts";

const text = readFileSync(new URL("../../config/headgate.schema.json", import.meta.url), "utf8");

/** The content of the file. */
export const SCHEMA = JSON.parse(text) as JsonSchema;

/** Strict: an unknown keyword, or a keyword that has no effect, is an error of the schema. To optimise the code costs more than it saves. */
export const ajv = new Ajv({
  strict: true,
  strictRequired: false,
  allErrors: true,
  code: { optimize: false },
});
const validate = ajv.compile(SCHEMA);

/** The errors in the text of a route file, as an editor would show them; empty without errors. */
export function findSchemaErrors(file: string): readonly string[] {
  let value: unknown;
  try {
    value = parse(file);
  } catch (error) {
    return [String(error)];
  }
  return validate(value)
    ? []
    : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}
