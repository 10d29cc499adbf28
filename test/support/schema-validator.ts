/** The committed JSON Schema of the route file, read strictly. */

import { readFileSync } from "node:fs";
import { Ajv } from "ajv";
import { parse } from "yaml";

import type { JsonSchema } from "../../src/config/schema/json-schema.ts";

const text = readFileSync(new URL("../../config/headgate.schema.json", import.meta.url), "utf8");

/** What the file holds. */
export const SCHEMA = JSON.parse(text) as JsonSchema;

/** Strict: a keyword that the standard does not know, or one that could never hold, is an error of the schema. */
export const ajv = new Ajv({ strict: true, strictRequired: false, allErrors: true });
const validate = ajv.compile(SCHEMA);

/** What is wrong with the text of a route file, as an editor would say; empty where nothing is. */
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
