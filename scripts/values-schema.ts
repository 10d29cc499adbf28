/** Embeds the route file's JSON Schema in the chart's values.schema.json, for `config.file`. */

/** Where the route file's schema is in values.schema.json. Its own `definitions` move there with it. */
const PLACE = "#/definitions/routeFile";

/** values.schema.json with this schema of the route file instead of the one that it has. */
export function embedRouteFile(valuesSchema: object, routeFile: object): object {
  const { $schema: _, ...embedded } = toEmbedded(routeFile) as Record<string, unknown>;
  const { definitions } = valuesSchema as { readonly definitions: object };
  return { ...valuesSchema, definitions: { ...definitions, routeFile: embedded } };
}

/** References lead to the new place, and a text of a wrong syntax gets a message in words. */
function toEmbedded(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(toEmbedded);
  if (typeof schema !== "object" || schema === null) return schema;
  const embedded = Object.fromEntries(
    Object.entries(schema).map(([key, value]) =>
      key === "$ref" && typeof value === "string"
        ? [key, value.replace(/^#/, PLACE)]
        : [key, toEmbedded(value)],
    ),
  );
  const { title, examples, anyOf, ...rest } = embedded;
  if (typeof title !== "string" || !Array.isArray(examples) || anyOf === undefined) return embedded;
  return { title, examples, ...rest, if: { anyOf }, else: { enum: [toWords(title, examples)] } };
}

/**
 * Describes a syntax. helm's message of a wrong text would show a regular expression; the message of an enumeration shows the names, so this
 * is the only name. headgate itself refuses it.
 */
function toWords(title: string, examples: readonly unknown[]): string {
  const last = examples.at(-1);
  const first = examples.slice(0, -1).join(", ");
  const article = /^[aeiou]/i.test(title) ? "an" : "a";
  return `${article} ${title} such as ${first === "" ? "" : `${first} or `}${String(last)}`;
}
