/** Renders values as YAML in layouts drawn at random. A tape of numbers decides; zeros give the simplest layout. */

/** Chooses a number below a limit. */
export type Choose = (limit: number) => number;

/** A mapping. */
export type Fields = Record<string, unknown>;

/** A value with an anchor, in block style. */
export class Anchored {
  readonly name: string;
  readonly value: unknown;

  constructor(name: string, value: unknown) {
    this.name = name;
    this.value = value;
  }
}

/** An alias of an anchor. */
export class Alias {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

interface Layout {
  readonly choose: Choose;
  readonly step: number;
  readonly dash: number;
}

const COMMENTS = ["# a comment", "#", "#\ttab", "# { not: yaml", "# - neither"];

/** Makes the choices of a tape, one after the other. */
export function createChoose(tape: readonly number[]): Choose {
  let at = 0;
  return (limit) => (tape[at++] ?? 0) % limit;
}

/** Draws the layout of a file. */
export function drawLayout(choose: Choose): Layout {
  const step = [2, 4, 1, 3][choose(4)] ?? 2;
  return { choose, step, dash: choose(2) === 0 ? 0 : step };
}

/** Renders documents as a file, with random line ends and text around them. */
export function renderFile(documents: readonly Fields[], layout: Layout): string {
  const { choose } = layout;
  const texts = documents.map((document) => renderMap(document, 0, layout).join("\n"));
  const start = ["", "---\n", "# first\n\n---\n", "\n"][choose(4)] ?? "";
  const end = ["\n", "", "\n\n", "\n# last\n", "\n...\n", "\n---\n"][choose(6)] ?? "";
  const text = start + texts.join("\n---\n") + end;
  const isCrlf = choose(4) === 3;
  const mark = choose(5) === 4 ? "\ufeff" : "";
  return mark + (isCrlf ? text.replaceAll("\n", "\r\n") : text);
}

/** Turns the order of entries. */
export function shuffle(choose: Choose, fields: Fields): Fields {
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
  const quoted = [key, key, `"${key}"`, `'${key}'`][choose(4)] ?? key;
  const name = key === "<<" ? key : quoted; // in quotes it does not merge
  if (value instanceof Anchored) {
    const nested = indented(renderMap(value.value as Fields, column + step, layout), column + step);
    return [`${name}: &${value.name}${drawTrail(layout)}`, ...nested];
  }
  const isCollection = isObject(value) && Object.keys(value).length > 0;
  if (!isCollection) return renderScalar(`${name}:`, value, column + step, layout);
  if (choose(6) === 5 && !hasAnchors(value))
    return [`${name}: ${renderFlow(value, layout)}${drawTrail(layout)}`];
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

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !(value instanceof Alias);
}

/** Anchors and aliases are rendered in block style only. */
function hasAnchors(value: unknown): boolean {
  if (value instanceof Anchored || value instanceof Alias) return true;
  return isObject(value) && Object.values(value).some(hasAnchors);
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
  if (value instanceof Alias) return `*${value.name}`;
  if (typeof value === "string" && /^[\w/.:]+$/.test(value) && choose(3) < 2) return value;
  const json = JSON.stringify(value);
  return choose(2) === 0 ? json : json.replaceAll(/([{,])(?=["{[])/g, "$1 ");
}
