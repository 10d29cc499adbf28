/** The reference of the route file as Markdown, from the JSON Schema's descriptions. */

import type { JsonSchema } from "../src/config/schema/json-schema.ts";
import { toTable } from "./table.ts";

interface Row {
  readonly key: string;
  readonly type: string;
  readonly preset: string;
  readonly meaning: string;
}

const INTRODUCTION = `# The route file

For operators: all settings of headgate, in one YAML file. Every key is optional, except a route's \`path\` and an \`upstream\`, which
\`--upstream\` or \`HEADGATE_UPSTREAM\` may set instead. Flags override environment variables, which override the file. Unknown keys are
errors. \`headgate check FILE\` shows mistakes, or what the file means; \`headgate explain METHOD URL\` shows which route a request matches
and what headgate would send upstream.

Durations are \`250ms\`, \`5s\`, \`1m\`, \`1h\`; sizes \`512B\`, \`64KiB\`, \`1MiB\`. In any value \`\${VAR}\` is an environment variable,
\`\${VAR:-default}\` one with a default, \`\${VAR:?message}\` one that must be set, \`$$\` a dollar sign. headgate
substitutes variables after it has parsed the YAML, so they cannot add keys. Inside \`[...]\` or \`{...}\`, quote them. A variable can be
a number or a boolean in a value without quotes, and inside \`[...]\` or \`{...}\` if it is the whole value:
\`{ waiting: "\${WAITING:-12}" }\`.

A file has at most 256 KiB, 65,536 YAML tokens, 32 levels, 4,096 entries in one list or mapping, and 4,096 characters in one value:
room for two thousand routes, often for more. A path with \`{id}\` or \`/*\` matches many paths.

This page and \`config/headgate.schema.json\` are generated from the schema. With \`# yaml-language-server: $schema=…\` as the file's first
line an editor completes and checks it. The schema refuses nothing that \`check\` accepts. Only \`check\` sees mistakes that need more than
one value: a missing file or variable, two equal routes, an upstream that is not in \`upstreams\`, and an \`upstream\` without \`url\`, which
\`--upstream\` may complete. \`headgate schema\` prints the schema.

## Mistakes

\`headgate check\`, the start and a reload print each mistake with its place, its line and a hint:

\`\`\`
routes.yaml:1:52 upstream.keepAlive: must be a duration such as 250ms or 5s, not the number 4; did you mean "4s"?
  1 | upstream: { url: http://127.0.0.1:8000, keepAlive: 4 }
    |                                                    ^
\`\`\`

For a mistake in the YAML syntax headgate shows where it was made, not where the parser stops; hyphens mark where it shows its effect.
headgate prints one syntax mistake at a time, because later ones may follow from it:

\`\`\`
routes.yaml:3:9: this double quote is not closed: put another at the end of the value
  3 | listen: ":8080
    |         ^
  4 | admin: "off"
    |        - ends here instead
\`\`\`

headgate warns of a path that is valid but probably not meant, such as \`/users/:id\` or \`/users/[0-9]+\`, and compares it literally.
\`check\` prints the warning above the summary or below the mistakes, \`explain\` before the explanation; the start and a reload log it.

An excerpt shows the text of the file, never the value of a variable, and headgate masks what looks like a secret. \`check --json\` has the
same as \`file\`, \`line\`, \`col\`, \`key\`, \`message\`, \`excerpt\`, and \`related\` for the second place.
`;

/** The whole page, one table per top-level key that has keys of its own. */
export function toReference(schema: JsonSchema): string {
  const entries = Object.entries(schema.properties ?? {});
  const sections = entries.map(([key, value]) => {
    const rows = toRows(key, value);
    return rows.length === 0 ? "" : `\n## ${key}\n\n${toRowTable(rows)}`;
  });
  return `${INTRODUCTION}\n## Top level\n\n${toTopLevel(schema)}${sections.join("")}`;
}

function toTopLevel(schema: JsonSchema): string {
  return toRowTable(
    Object.entries(schema.properties ?? {}).map(([key, value]) => toRow(key, value)),
  );
}

/** The keys below a key. `upstreams` has the same as `upstream`, so they are not told twice. */
function toRows(prefix: string, schema: JsonSchema): readonly Row[] {
  const mapping = findMapping(schema) ?? findMapping(schema.items ?? {});
  const base = schema.items === undefined ? prefix : `${prefix}[]`;
  return Object.entries(mapping?.properties ?? {}).flatMap(([key, value]) => {
    const path = `${base}.${key}`;
    return [toRow(path, value), ...toRows(path, value)];
  });
}

/** The mapping among the alternatives, which may be alternatives themselves. */
function findMapping(schema: JsonSchema): JsonSchema | undefined {
  if (schema.properties !== undefined) return schema;
  return schema.anyOf?.map(findMapping).find((found) => found !== undefined);
}

function toRow(key: string, schema: JsonSchema): Row {
  const { default: preset, description = "" } = schema;
  const isShown =
    preset !== undefined &&
    preset !== null &&
    (typeof preset !== "object" || (Array.isArray(preset) && preset.length > 0));
  return {
    key: `\`${key}\``,
    type: typeOf(schema),
    preset: isShown
      ? `\`${Array.isArray(preset) ? preset.join(" ") : JSON.stringify(preset).replaceAll('"', "")}\``
      : "",
    meaning: description,
  };
}

function typeOf(schema: JsonSchema): string {
  if (schema.title !== undefined) return schema.title;
  if (schema.enum !== undefined) return schema.enum.map((name) => `\`${String(name)}\``).join(", ");
  if (schema.items !== undefined) return `list of ${several(typeOf(schema.items))}`;
  if (typeof schema.additionalProperties === "object")
    return `mapping: name → ${typeOf(schema.additionalProperties)}`;
  const alternatives = schema.anyOf?.filter(({ $ref }) => $ref === undefined).map(typeOf);
  return (
    alternatives?.join(" or ") ??
    (schema.type === "object"
      ? "mapping"
      : schema.type === "integer"
        ? "number"
        : (schema.type ?? ""))
  );
}

function several(type: string): string {
  if (type.startsWith("`")) return `any of ${type}`; // the values themselves
  return type === "IP address or range" ? "IP addresses and ranges" : `${type}s`;
}

function toRowTable(rows: readonly Row[]): string {
  const header = ["key", "value", "default", "meaning"];
  return toTable([
    header,
    ...rows.map(({ key, type, preset, meaning }) => [key, type, preset, meaning]),
  ]);
}
