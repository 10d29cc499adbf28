/** Embeds the route file's JSON Schema in the chart's values.schema.json, for `config.file`. */

/** Where the route file's schema is in values.schema.json. Its own `definitions` move there with it. */
const PLACE = "#/definitions/routeFile";

/** values.schema.json with this schema of the route file instead of the one that it has. */
export function embedRouteFile(valuesSchema: object, routeFile: object): object {
  const { $schema: _, ...embedded } = toEmbedded(routeFile) as Record<string, unknown>;
  const { definitions } = valuesSchema as { readonly definitions: object };
  return { ...valuesSchema, definitions: { ...definitions, routeFile: embedded } };
}

/** References lead to the new place. */
function toEmbedded(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(toEmbedded);
  if (typeof schema !== "object" || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) =>
      key === "$ref" && typeof value === "string"
        ? [key, value.replace(/^#/, PLACE)]
        : [key, toEmbedded(value)],
    ),
  );
}
