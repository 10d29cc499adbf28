/** Draws manifests with random layouts, as text. A tape of numbers decides; zeros give the simplest layout. */

/** Chooses a number below a limit. */
type Choose = (limit: number) => number;

interface Layout {
  readonly choose: Choose;
  readonly step: number;
  readonly dash: number;
}

const COMMENTS = ["# a comment", "#", "#\ttab", "# { not: yaml", "# - neither"];

/** Draws a Deployment, or another kind, with Services that lead to it. */
export function drawManifest(tape: readonly number[]): string {
  let at = 0;
  const choose: Choose = (limit) => (tape[at++] ?? 0) % limit;
  const step = [2, 4, 1, 3][choose(4)] ?? 2;
  const layout = { choose, step, dash: choose(2) === 0 ? 0 : step };
  const objects = [
    drawWorkload(choose),
    ...[drawService(choose, "a"), drawService(choose, "b")].slice(choose(3)),
  ];
  if (choose(2) === 1) objects.reverse();
  const isList = choose(4) === 3;
  const documents = isList ? [{ apiVersion: "v1", kind: "List", items: objects }] : objects;
  const texts = documents.map((document) => renderMap(document, 0, layout).join("\n"));
  const start = ["", "---\n", "# first\n\n---\n", "\n"][choose(4)] ?? "";
  const end = ["\n", "", "\n\n", "\n# last\n", "\n...\n", "\n---\n"][choose(6)] ?? "";
  const text = start + texts.join("\n---\n") + end;
  const isCrlf = choose(4) === 3;
  const mark = choose(5) === 4 ? "\ufeff" : "";
  return mark + (isCrlf ? text.replaceAll("\n", "\r\n") : text);
}

type Fields = Record<string, unknown>;

function drawWorkload(choose: Choose): Fields {
  const kind = ["Deployment", "StatefulSet", "DaemonSet", "Pod", "CronJob"][choose(5)] ?? "";
  const labels = { app: "app" };
  const pod = shuffle(choose, {
    ...drawList(choose, "initContainers", { name: "before", image: "a" }),
    containers: [
      shuffle(choose, {
        name: "app",
        image: "example.com/app:1",
        ports: [{ containerPort: 8000, name: "http" }],
        ...drawText(choose),
      }),
      ...Array.from({ length: choose(3) }, (_, index) => ({
        name: `c${index}`,
        image: "a",
        ...drawText(choose),
      })),
    ],
    ...drawList(choose, "volumes", { name: "data", emptyDir: {} }),
    ...(choose(3) === 2 ? { hostNetwork: true } : {}),
  });
  const metadata = shuffle(choose, { name: "app", labels, ...drawAnnotations(choose) });
  if (kind === "Pod") return { apiVersion: "v1", kind, metadata, spec: pod };
  const template = { metadata: { labels }, spec: pod };
  if (kind === "CronJob")
    return {
      apiVersion: "batch/v1",
      kind,
      metadata,
      spec: { jobTemplate: { spec: { template } } },
    };
  return {
    apiVersion: "apps/v1",
    kind,
    metadata,
    spec: shuffle(choose, { replicas: 1, template }),
  };
}

function drawService(choose: Choose, name: string): Fields {
  const target = [{ targetPort: 8000 }, { targetPort: "http" }, {}][choose(3)];
  const port = { port: 8000, ...target };
  const ports = [port, { name: "other", port: 81, targetPort: 81 }].slice(0, 1 + choose(2));
  const spec = shuffle(choose, { selector: { app: "app" }, ports });
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, ...drawAnnotations(choose) },
    spec,
  };
}

function drawList(choose: Choose, key: string, item: object): Fields {
  const lists = [undefined, [item], [], null, [item, { ...item, name: "more" }]];
  const list = lists[choose(lists.length)];
  return list === undefined ? {} : { [key]: list };
}

function drawAnnotations(choose: Choose): Fields {
  const all = [{}, { annotations: null }, { annotations: {} }, { annotations: { a: "b\nc" } }];
  return all[choose(all.length)] ?? {};
}

function drawText(choose: Choose): Fields {
  const all = [
    {},
    { args: ["a\nb\n"] },
    { args: ["a\n\n\n", "b"] },
    { workingDir: "a\n# no comment" },
  ];
  return all[choose(all.length)] ?? {};
}

function shuffle(choose: Choose, fields: Fields): Fields {
  const entries = Object.entries(fields);
  const turn = choose(entries.length);
  return Object.fromEntries([...entries.slice(turn), ...entries.slice(0, turn)]);
}

/** Renders lines; the first one has no indent. */
function renderMap(fields: Fields, column: number, layout: Layout): readonly string[] {
  const pad = " ".repeat(column);
  const lines = Object.entries(fields).flatMap(([key, value], index) => {
    const above = index === 0 ? [] : drawComments(column, layout);
    return [
      ...above,
      ...renderEntry(key, value, column, layout).map((line, at) => (at === 0 ? pad + line : line)),
    ];
  });
  return lines.map((line, index) => (index === 0 ? line.slice(column) : line));
}

function drawComments(column: number, { choose }: Layout): readonly string[] {
  const comment = COMMENTS[choose(COMMENTS.length)] ?? "";
  const here = " ".repeat(column) + comment;
  const all = [
    [],
    [],
    [],
    [here],
    [here, here],
    [""],
    ["", here],
    [`${" ".repeat(column + 3)}${comment}`],
    ["  "],
  ];
  return all[choose(all.length)] ?? [];
}

function renderEntry(
  key: string,
  value: unknown,
  column: number,
  layout: Layout,
): readonly string[] {
  const { choose, step, dash } = layout;
  const name = [key, key, `"${key}"`, `'${key}'`][choose(4)] ?? key;
  const isCollection = typeof value === "object" && value !== null && Object.keys(value).length > 0;
  if (!isCollection) return renderScalar(`${name}:`, value, column + step, layout);
  if (choose(6) === 5) return [`${name}: ${renderFlow(value, layout)}${drawTrail(layout)}`];
  const first = `${name}:${drawTrail(layout)}`;
  if (Array.isArray(value)) return [first, ...renderItems(value, column + dash, layout)];
  return [first, ...indented(renderMap(value as Fields, column + step, layout), column + step)];
}

function renderItems(items: readonly unknown[], column: number, layout: Layout): readonly string[] {
  return items.flatMap((item, index) => {
    const above = index === 0 ? [] : drawComments(column, layout);
    const pad = " ".repeat(column);
    const isMap = typeof item === "object" && layout.choose(6) !== 5;
    if (isMap) {
      const gap = 1 + layout.choose(3);
      const lines = renderMap(item as Fields, column + 1 + gap, layout);
      return [
        ...above,
        ...lines.map((line, at) => (at === 0 ? `${pad}-${" ".repeat(gap)}${line}` : line)),
      ];
    }
    if (typeof item === "object") return [...above, `${pad}- ${renderFlow(item, layout)}`];
    return [...above, ...indented(renderScalar("-", item, column + 2, layout), column)];
  });
}

function indented([first = "", ...rest]: readonly string[], column: number): readonly string[] {
  return [" ".repeat(column) + first, ...rest];
}

function renderScalar(
  before: string,
  value: unknown,
  column: number,
  layout: Layout,
): readonly string[] {
  const { choose } = layout;
  if (value === null) return [`${before}${["", " null", " ~"][choose(3)]}${drawTrail(layout)}`];
  if (typeof value === "string" && value.includes("\n")) {
    const end = value.endsWith("\n\n") ? "+" : value.endsWith("\n") ? "" : "-";
    const body = (value.endsWith("\n") ? value.slice(0, -1) : value).split("\n");
    return [
      `${before} |${end}`,
      ...body.map((line) => (line === "" ? "" : " ".repeat(column) + line)),
    ];
  }
  return [`${before} ${renderFlow(value, layout)}${drawTrail(layout)}`];
}

function drawTrail({ choose }: Layout): string {
  return ["", "", "", " # trailing", "   ", "\t# tab"][choose(6)] ?? "";
}

function renderFlow(value: unknown, { choose }: Layout): string {
  if (typeof value === "string" && /^[\w/.:]+$/.test(value) && choose(3) < 2) return value;
  const json = JSON.stringify(value);
  return choose(2) === 0 ? json : json.replaceAll(/([{,])(?=["{[])/g, "$1 ");
}
