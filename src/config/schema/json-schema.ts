/** Adds to the JSON Schema what the schema library does not write. */

import type { TextSyntax } from "../text-syntax.ts";
import { MAX_ENTRIES, MAX_TEXT_LENGTH } from "../yaml/document.ts";

/** The parts of a JSON Schema that this file writes and the reference's generator reads. */
export interface JsonSchema {
  readonly title?: string;
  readonly description?: string;
  readonly type?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | false;
  readonly maxProperties?: number;
  readonly dependencies?: Readonly<Record<string, readonly string[] | JsonSchema>>;
  readonly items?: JsonSchema;
  readonly maxItems?: number;
  readonly anyOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly not?: JsonSchema;
  readonly if?: JsonSchema;
  readonly then?: JsonSchema;
  readonly required?: readonly string[];
  readonly definitions?: Readonly<Record<string, JsonSchema>>;
  readonly $ref?: string;
  /** Not part of JSON Schema: the name of the definition that this schema becomes. */
  readonly definition?: string;
}

/** Returns the syntax as keywords of a JSON Schema. `exact` applies only to texts that match `shape`, so that an editor reports a mistake once. */
export function toKeywords({ name, shape, exact, never, maxLength }: TextSyntax): JsonSchema {
  return {
    definition: name,
    pattern: shape,
    // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
    ...(exact !== undefined && { if: { pattern: shape }, then: { pattern: exact } }),
    ...(never !== undefined && { not: { type: "string", pattern: never } }),
    ...(maxLength !== undefined && { maxLength }),
  };
}

/** A text without a variable, as in config/variables.ts: each dollar sign stands for itself. */
const PLAIN = "([^$]|\\$[^{])*";
const EXPRESSION = "\\$\\{[A-Za-z_][A-Za-z0-9_]*(:[-?][^}]*)?\\}";

const LIMITS = { type: "string", maxLength: MAX_TEXT_LENGTH };
const DEFINITIONS: Readonly<Record<string, JsonSchema>> = {
  plain: { ...LIMITS, pattern: `^${PLAIN}\\$?$` },
  variable: {
    title: "variable",
    ...LIMITS,
    pattern: `^${PLAIN}(${EXPRESSION}${PLAIN})+\\$?$`,
  },
};

/**
 * Adds the limits of every route file to the schema. An editor checks the file before variables are substituted, so every value except
 * lists and mappings may also be a text with `${…}`.
 */
export function toRouteFileSchema(schema: JsonSchema): JsonSchema {
  const found: Record<string, JsonSchema> = { ...DEFINITIONS };
  return { ...visit(schema, found), definitions: found };
}

/** Visits a schema, and adds its definitions to `found`. */
function visit(schema: JsonSchema, found: Record<string, JsonSchema>): JsonSchema {
  const { type, properties, additionalProperties, items, anyOf } = schema;
  const inner = (one: JsonSchema): JsonSchema => visit(one, found);
  if (anyOf !== undefined) return { ...schema, anyOf: anyOf.map(inner) };
  if (type === "array")
    return { ...schema, maxItems: MAX_ENTRIES, ...(items && { items: inner(items) }) };
  if (type !== "object") return allowVariable(schema, found);
  return {
    ...schema,
    ...(properties && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([key, value]) => [key, inner(value)]),
      ),
    }),
    ...(additionalProperties && {
      additionalProperties: inner(additionalProperties),
      maxProperties: MAX_ENTRIES,
    }),
  };
}

function allowVariable(schema: JsonSchema, found: Record<string, JsonSchema>): JsonSchema {
  const { title, description, default: preset, examples, definition, ...rest } = schema;
  // An enumerated name never contains a dollar sign.
  const isText = rest.type === "string" && rest.enum === undefined;
  const own = isText ? { ...rest, allOf: [refer("plain")] } : rest;
  if (definition !== undefined) found[definition] = own;
  return {
    ...(title !== undefined && { title }),
    ...(description !== undefined && { description }),
    ...(preset !== undefined && { default: preset }),
    ...(examples !== undefined && { examples }),
    anyOf: [definition === undefined ? own : refer(definition), refer("variable")],
  };
}

function refer(definition: string): JsonSchema {
  return { $ref: `#/definitions/${definition}` };
}
