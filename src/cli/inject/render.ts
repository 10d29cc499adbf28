/** Renders values as the text of a manifest: in block style, or as JSON, which is also YAML's flow style. */

/** A value that can be rendered. Entries that are undefined are left out. */
export type Value =
  | string
  | number
  | boolean
  | Raw
  | readonly Value[]
  | { readonly [key: string]: Value | undefined };

/** Text that is rendered unchanged. */
export class Raw {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** The layout of a file. */
export interface Layout {
  /** The line end. */
  readonly eol: string;
  /** Spaces from a key to the keys below it. */
  readonly step: number;
  /** Spaces from a key to the dashes of its list. */
  readonly dash: number;
  /** Whether the file is JSON, or is written like JSON. */
  readonly isJson: boolean;
}

/** Renders `key: value` in block style, as lines without line ends; the first line has no indent. */
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

/** Renders the items of a list; each line has its indent. */
export function renderItems(
  items: readonly Value[],
  column: number,
  layout: Layout,
): readonly string[] {
  return items.flatMap((item) => indentFirst(renderItem(item, column, layout), column));
}

/** Renders `- item`; the first line has no indent. */
export function renderItem(item: Value, column: number, layout: Layout): readonly string[] {
  if (typeof item !== "object" || item instanceof Raw) return [`- ${renderScalar(item)}`];
  const [first = "", ...rest] = renderMap(item as Fields, column + 2, layout);
  return [`- ${first}`, ...rest];
}

type Fields = { readonly [key: string]: Value | undefined };

/** Renders a mapping, one entry below the other; the first line has no indent. */
export function renderMap(fields: Fields, column: number, layout: Layout): readonly string[] {
  const entries = Object.entries(fields).flatMap(([key, value]) =>
    value === undefined ? [] : [renderEntry(key, value, column, layout)],
  );
  return entries.flatMap((lines, index) => (index === 0 ? lines : indentFirst(lines, column)));
}

/** Adds the indent to the first line too. */
export function indentFirst(
  [first = "", ...rest]: readonly string[],
  column: number,
): readonly string[] {
  return [" ".repeat(column) + first, ...rest];
}

/** The form of flow style. */
export interface FlowStyle {
  /** Whether keys and texts are in double quotes. */
  readonly isJson: boolean;
  /** Undefined: all in one line. */
  readonly lines:
    | {
        readonly eol: string;
        /** The white space at the start of the line on which the value begins. */
        readonly lead: string;
        /** One level of indent. */
        readonly unit: string;
      }
    | undefined;
}

/** Renders `key: value` in flow style. */
export function renderFlowEntry(key: string, value: Value, style: FlowStyle): string {
  return `${style.isJson ? quote(key) : renderKey(key)}: ${renderFlow(value, style)}`;
}

/** Renders a value in flow style. */
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

/** Quotes a text: JSON's quotes are YAML's double quotes, but YAML allows fewer characters in them. */
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

/** Words that YAML 1.1, which kubectl reads, does not read as text. */
const RESERVED = /^(?:true|false|null|yes|no|on|off|y|n)$/i;

function isPlain(text: string): boolean {
  if (/^\d+(?:m|[KMGT]i)$/.test(text)) return true; // a quantity
  return /^[A-Za-z/][\w/.@+-]*(?::[\w/.@+-]+)*$/.test(text) && !RESERVED.test(text);
}

/** Whether a text of several lines can be rendered below `|`. */
function isLiteral(text: string): boolean {
  return (
    /^[^\s]/.test(text) &&
    text.includes("\n") &&
    /^[\t\n\x20-\x7e\u00a0-\u2027\u202a-\ud7ff]*$/.test(text)
  );
}

/** The chomping indicator for a text that ends with no line end, one, or more. */
function chomping(text: string): string {
  if (!text.endsWith("\n")) return "|-";
  return text.endsWith("\n\n") ? "|+" : "|";
}

function literalLines(text: string): readonly string[] {
  return (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");
}
