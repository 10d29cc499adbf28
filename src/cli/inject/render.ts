/** Values as the text of a manifest: block style as people write it, or JSON, which is also YAML's flow style. */

/** What can be written. Entries that are undefined are left out. */
export type Value =
  | string
  | number
  | boolean
  | Raw
  | readonly Value[]
  | { readonly [key: string]: Value | undefined };

/** Text that is written as it is. */
export class Raw {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** How a file is laid out. */
export interface Layout {
  /** The line end. */
  readonly eol: string;
  /** Spaces from a key to the keys below it. */
  readonly step: number;
  /** Spaces from a key to the dashes below it. */
  readonly dash: number;
  /** Whether the whole file is JSON, or written like it. */
  readonly isJson: boolean;
}

/** `key: value` in block style, as lines without their line ends; the first one has no indent. */
export function renderEntry(
  key: string,
  value: Value,
  column: number,
  layout: Layout,
): readonly string[] {
  const name = renderKey(key);
  if (isScalarValue(value)) return [`${name}: ${renderScalar(value)}`];
  if (typeof value === "string") {
    const pad = " ".repeat(column + layout.step);
    return [
      `${name}: ${chomping(value)}`,
      ...literalLines(value).map((line) => line && pad + line),
    ];
  }
  if (Array.isArray(value)) {
    if (value.length === 0) return [`${name}: []`];
    return [`${name}:`, ...renderItems(value as readonly Value[], column + layout.dash, layout)];
  }
  const inner = column + layout.step;
  return [`${name}:`, ...indentFirst(renderMap(value as Fields, inner, layout), inner)];
}

/** The items of a list, each line with its indent. */
export function renderItems(
  items: readonly Value[],
  column: number,
  layout: Layout,
): readonly string[] {
  return items.flatMap((item) => indentFirst(renderItem(item, column, layout), column));
}

/** `- item`; the first line has no indent. */
export function renderItem(item: Value, column: number, layout: Layout): readonly string[] {
  if (typeof item !== "object" || item instanceof Raw) return [`- ${renderScalar(item)}`];
  const [first = "", ...rest] = renderMap(item as Fields, column + 2, layout);
  return [`- ${first}`, ...rest];
}

type Fields = { readonly [key: string]: Value | undefined };

/** Entries one below the other; the first line has no indent. */
export function renderMap(fields: Fields, column: number, layout: Layout): readonly string[] {
  const entries = Object.entries(fields).flatMap(([key, value]) =>
    value === undefined ? [] : [renderEntry(key, value, column, layout)],
  );
  return entries.flatMap((lines, index) => (index === 0 ? lines : indentFirst(lines, column)));
}

/** Lines whose first one has its indent too. */
export function indentFirst(
  [first = "", ...rest]: readonly string[],
  column: number,
): readonly string[] {
  return [" ".repeat(column) + first, ...rest];
}

/** How flow style is written. */
export interface FlowStyle {
  /** Keys and texts in double quotes. */
  readonly isJson: boolean;
  /** Undefined: in a single line. */
  readonly lines:
    | {
        readonly eol: string;
        /** The white space before the line on which the value begins. */
        readonly lead: string;
        /** One level of indent. */
        readonly unit: string;
      }
    | undefined;
}

/** `key: value` in flow style. */
export function renderFlowEntry(key: string, value: Value, style: FlowStyle): string {
  return `${style.isJson ? quote(key) : renderKey(key)}: ${renderFlow(value, style)}`;
}

/** A value in flow style. */
export function renderFlow(value: Value, style: FlowStyle): string {
  if (typeof value === "string" && style.isJson) return quote(value);
  if (typeof value !== "object" || value instanceof Raw) return renderScalar(value);
  const { lines } = style;
  const inner = { ...style, lines: lines && { ...lines, lead: lines.lead + lines.unit } };
  const isList = Array.isArray(value);
  const parts = isList
    ? (value as readonly Value[]).map((item) => renderFlow(item, inner))
    : Object.entries(value as Fields).flatMap(([key, item]) =>
        item === undefined ? [] : [renderFlowEntry(key, item, inner)],
      );
  const space = isList || style.isJson || parts.length === 0 ? "" : " ";
  const [open, close] = isList ? ["[", "]"] : ["{", "}"];
  if (lines === undefined || parts.length === 0)
    return open + space + parts.join(", ") + space + close;
  const { eol, lead, unit } = lines;
  return `${open}${eol}${parts.map((part) => lead + unit + part).join(`,${eol}`)}${eol}${lead}${close}`;
}

/** JSON's quotes are YAML's double quotes, but YAML allows fewer characters between them. */
export function quote(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function renderKey(key: string): string {
  return isPlain(key) ? key : quote(key);
}

function isScalarValue(value: Value): value is string | number | boolean | Raw {
  if (typeof value === "string") return !isLiteral(value);
  return typeof value !== "object" || value instanceof Raw;
}

function renderScalar(value: string | number | boolean | Raw): string {
  if (value instanceof Raw) return value.text;
  if (typeof value !== "string") return String(value);
  return isPlain(value) ? value : quote(value);
}

/** Words that YAML 1.1, which kubectl reads, takes for something else than a text. */
const RESERVED = /^(?:true|false|null|yes|no|on|off|y|n)$/i;

function isPlain(text: string): boolean {
  if (/^\d+(?:m|[KMGT]i)$/.test(text)) return true; // a quantity
  return /^[A-Za-z/][\w/.@+-]*(?::[\w/.@+-]+)*$/.test(text) && !RESERVED.test(text);
}

/** Whether a text of several lines can be written as it is, below `|`. */
function isLiteral(text: string): boolean {
  return (
    /^[^\s]/.test(text) &&
    text.includes("\n") &&
    /^[\t\n\x20-\x7e\u00a0-\u2027\u202a-\ud7ff]*$/.test(text)
  );
}

/** The end of the text: with no line end, with one, with more. */
function chomping(text: string): string {
  if (!text.endsWith("\n")) return "|-";
  return text.endsWith("\n\n") ? "|+" : "|";
}

function literalLines(text: string): readonly string[] {
  return (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");
}
