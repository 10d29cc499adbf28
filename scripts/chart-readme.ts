/** The chart's README.md, with one row for each value; the descriptions are the comments in values.yaml. */

import { type Node, type Pair, type Scalar, type YAMLMap, isMap, parseDocument } from "yaml";

import { toTable } from "./table.ts";

/** A value that the operator sets as a whole. */
export interface ChartValue {
  readonly key: string;
  /** As YAML on one line. */
  readonly preset: string;
  /** Empty where values.yaml has no comment. */
  readonly meaning: string;
}

const INTRODUCTION = `# headgate

For platform engineers who install headgate with Helm. headgate stands in front of a service that refuses HEAD, sends it a GET instead,
and returns the status and fields.

\`\`\`console
$ helm install headgate oci://ghcr.io/headgate/charts/headgate --set upstream=http://my-app:8000
$ helm test headgate
\`\`\`

[docs/kubernetes.md](https://github.com/headgate/headgate/blob/main/docs/kubernetes.md) explains the chart's ways: in front of a
service, as a sidecar, behind an Ingress or a Gateway.
[docs/tls.md](https://github.com/headgate/headgate/blob/main/docs/tls.md) explains TLS with cert-manager and load balancers.

Before it installs anything, the chart refuses unknown keys and values that cannot work together, and lists all of them.
\`values.schema.json\` includes the schema of the route file, so the chart checks \`config.file\` too.

## Values

This table is generated from the comments in \`values.yaml\`.

`;

/** The whole page. */
export function toChartReadme(values: string): string {
  const rows = readValues(values).map(({ key, preset, meaning }) => [
    `\`${key}\``,
    `\`${preset}\``,
    meaning,
  ]);
  return `${INTRODUCTION}${toTable([["value", "default", "meaning"], ...rows])}`;
}

/** Every value of values.yaml, in its order. A mapping with a comment of its own is one value; without one, each of its keys is. */
export function readValues(values: string): readonly ChartValue[] {
  const { contents } = parseDocument<YAMLMap>(values);
  return contents === null ? [] : readMapping(contents, "");
}

function readMapping(mapping: YAMLMap, prefix: string): readonly ChartValue[] {
  return mapping.items.flatMap((item, index) => {
    const { key, value } = item as Pair<Scalar<string>, Node>;
    const path = `${prefix}${key.value}`;
    // The parser gives the comment before a nested mapping's first key to the mapping.
    const comment = key.commentBefore ?? (index === 0 ? mapping.commentBefore : undefined);
    const meaning = toMeaning(comment ?? "");
    if (meaning === "" && isMap(value) && value.items.length > 0)
      return readMapping(value, `${path}.`);
    return [{ key: path, preset: JSON.stringify(value), meaning }];
  });
}

/** The last block of a comment that begins with `--`, on one line. */
function toMeaning(comment: string): string {
  const [, ...block] = comment.split(/^ -- /m);
  return (block.at(-1) ?? "").replaceAll(/\s*\n\s*/g, " ").trim();
}
