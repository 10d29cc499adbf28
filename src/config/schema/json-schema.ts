/** What the JSON Schema needs on top of what the schema library writes. */

/** As much of a JSON Schema as is read here and by the reference's generator. */
export interface JsonSchema {
  readonly title?: string;
  readonly description?: string;
  readonly type?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | false;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly required?: readonly string[];
  readonly definitions?: Readonly<Record<string, JsonSchema>>;
  readonly $ref?: string;
}

const VARIABLE: JsonSchema = { title: "variable", type: "string", pattern: "\\$\\{" };

/** An editor sees the file before variables are put in: every scalar may also be a text with `${…}`. */
export function allowVariables(schema: JsonSchema): JsonSchema {
  return { ...visit(schema), definitions: { variable: VARIABLE } };
}

function visit(schema: JsonSchema): JsonSchema {
  const { properties, additionalProperties, items, anyOf } = schema;
  if (anyOf !== undefined) return { ...schema, anyOf: anyOf.map(visit) };
  if (isClosedScalar(schema)) return allowVariable(schema);
  return {
    ...schema,
    ...(properties && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([key, value]) => [key, visit(value)]),
      ),
    }),
    ...(additionalProperties && { additionalProperties: visit(additionalProperties) }),
    ...(items && { items: visit(items) }),
  };
}

function isClosedScalar({ type, pattern, enum: names }: JsonSchema): boolean {
  return type === "integer" || type === "boolean" || pattern !== undefined || names !== undefined;
}

function allowVariable({ title, description, default: preset, ...rest }: JsonSchema): JsonSchema {
  return {
    ...(title !== undefined && { title }),
    ...(description !== undefined && { description }),
    ...(preset !== undefined && { default: preset }),
    anyOf: [rest, { $ref: "#/definitions/variable" }],
  };
}
