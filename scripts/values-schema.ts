/** Embeds the route file's JSON Schema in the chart's values.schema.json, for `config.file`. */

/** Where the route file's schema is in values.schema.json. Its own `definitions` move there with it. */
const PLACE = "#/definitions/routeFile";

/** helm's validator is written in Go, whose regular expressions have no lookaround and no back-references. */
const NOT_IN_GO = /\(\?<?[=!]|\\[1-9]|\\k</;

/** values.schema.json with this schema of the route file instead of the one that it has. */
export function embedRouteFile(valuesSchema: object, routeFile: object): object {
  const { $schema: _, ...embedded } = toEmbedded(routeFile) as Record<string, unknown>;
  const { definitions } = valuesSchema as { readonly definitions: object };
  return { ...valuesSchema, definitions: { ...definitions, routeFile: embedded } };
}

/** References lead to the new place. A pattern that Go cannot read is left out: headgate itself checks the value at its start. */
function toEmbedded(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(toEmbedded);
  if (typeof schema !== "object" || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema).flatMap(([key, value]) => {
      if (key === "$ref" && typeof value === "string") return [[key, value.replace(/^#/, PLACE)]];
      if (key === "pattern" && typeof value === "string" && NOT_IN_GO.test(value)) return [];
      // The chart's own `upstream` may be the URL of the route file's mapping.
      if (key === "required" && Array.isArray(value))
        return [[key, value.filter((name) => name !== "url")]];
      // Without one of its patterns a negation would refuse more than it should.
      if (key === "not" && NOT_IN_GO.test(JSON.stringify(value))) return [];
      return [[key, toEmbedded(value)]];
    }),
  );
}
