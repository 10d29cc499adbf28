/** What the JSON Schema needs on top of what the schema library writes. */

import type { TextSyntax } from "../text-syntax.ts";
import { MAX_ENTRIES, MAX_TEXT_LENGTH } from "../yaml/document.ts";

/** As much of a JSON Schema as is written here, and read by the reference's generator. */
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
  /** Not JSON Schema: the name of the definition that this one becomes. */
  readonly definition?: string;
}

/** The syntax as keywords of a JSON Schema. `exact` applies only to texts of the shape, so an editor reports one mistake once. */
export function toKeywords({ name, shape, exact, never, maxLength }: TextSyntax): JsonSchema {
  return {
    definition: name,
    pattern: shape,
    // oxlint-disable-next-line unicorn/no-thenable -- the standard's own word
    ...(exact !== undefined && { if: { pattern: shape }, then: { pattern: exact } }),
    ...(never !== undefined && { not: { type: "string", pattern: never } }),
    ...(maxLength !== undefined && { maxLength }),
  };
}

/** A text without a variable, as config/variables.ts reads it: each dollar sign stands for itself. */
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
 * The schema with the limits that every route file has. An editor sees the file before variables are substituted: every value but a
 * list and a mapping may also be a text with `${…}`.
 */
export function toRouteFileSchema(schema: JsonSchema): JsonSchema {
  const found: Record<string, JsonSchema> = { ...DEFINITIONS };
  return { ...visit(schema, found), definitions: found };
}

/** Adds the definitions that it meets to `found`. */
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
