/** The plots of the last three minutes. */

import { make, put } from "./dom.js";

/** @import { TimeSeriesPoint } from "../time-series.ts" */

/**
 * One curve: the member of a point that it shows, and its look.
 *
 * @typedef {object} Series
 * @property {keyof TimeSeriesPoint} key
 * @property {string} name
 * @property {string} hue
 * @property {"solid" | "dashed" | "dotted"} dash
 * @property {boolean} [hasArea]
 */

const SECONDS = 180;
/** Positions on the time axis, from 0 to 1, and their labels. */
const TICKS = /** @type {const} */ ([
  [0, "3 min ago"],
  [1 / 3, "2 min"],
  [2 / 3, "1 min"],
  [1, "now"],
]);
/** The number of seconds by which a key moves the cursor into the past. */
const STEPS = new Map(
  Object.entries({
    ArrowLeft: 1,
    ArrowRight: -1,
    PageUp: 10,
    PageDown: -10,
    Home: SECONDS,
    End: -SECONDS,
  }),
);

/**
 * Creates an SVG element.
 *
 * @param {string} tag
 * @param {Readonly<Record<string, string | number>>} attributes
 */
function svg(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}

/**
 * Returns the top of an axis: 1, 2 or 5 times a power of ten, and at least 1. It changes seldom, so that the operator can compare a
 * curve with its earlier shape.
 *
 * @param {number} value
 */
function toTop(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return power * ([1, 2, 5].find((step) => step * power >= value) ?? 10);
}

/**
 * Creates a plot.
 *
 * @param {Element} host
 * @param {string} title
 * @param {(value: number | undefined) => string} format
 * @param {readonly Series[]} series
 * @returns {(points: readonly TimeSeriesPoint[]) => void} draws the points, one per second, the newest at the right edge
 */
export function createPlot(host, title, format, series) {
  const image = svg("svg", { "aria-hidden": "true" });
  const canvas = make("div", "canvas", image);
  const values = series.map(() => make("b"));
  const at = make("li", "at");
  const items = series.map(({ name, hue, dash }, index) =>
    make("li", `${hue} ${dash}`, make("span", "", name), values[index] ?? ""),
  );
  host.append(make("ul", "legend lines", ...items, at), canvas);
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "slider");
  canvas.setAttribute("aria-label", `${title}, the last three minutes`);
  canvas.setAttribute("aria-valuemin", String(1 - SECONDS));
  canvas.setAttribute("aria-valuemax", "0");
  const axes = [0, 1, 2].map(() => make("span", "axis y"));
  canvas.append(...axes, ...TICKS.map(toTick));

  /** @type {readonly TimeSeriesPoint[]} */
  let points = [];
  /** @type {number | undefined} The cursor's position in seconds ago; undefined without a cursor. */
  let chosen;

  function draw() {
    const { clientWidth: width, clientHeight: height } = canvas;
    const all = points.flatMap((point) => series.map(({ key }) => point[key] ?? 0));
    const top = toTop(Math.max(0, ...all));
    /** @type {Scale} */
    const scale = {
      toX: (index) => width - ((points.length - 1 - index) * width) / (SECONDS - 1),
      toY: (value) => height - (value / top) * height,
      height,
    };
    image.replaceChildren();
    for (const [index, label] of axes.entries()) {
      const y = height - (index * height) / 2;
      put(label, format((index * top) / 2));
      label.style.top = `${y}px`;
      image.append(svg("line", { class: "grid", x1: 0, x2: width, y1: y, y2: y }));
    }
    for (const curve of series) image.append(...toCurve(curve, points, scale));
    const shown = points.length - 1 - (chosen ?? 0);
    const x = scale.toX(shown);
    if (chosen !== undefined)
      image.append(svg("line", { class: "cursor", x1: x, x2: x, y1: 0, y2: height }));
    showValues(points[shown]);
  }

  /** @param {TimeSeriesPoint | undefined} point */
  function showValues(point) {
    const texts = series.map(({ key }) => (point === undefined ? "–" : format(point[key])));
    for (const [index, value] of values.entries()) put(value, texts[index] ?? "");
    put(at, chosen === undefined ? "last second" : `${chosen} s ago`);
    const spoken = series.map(({ name }, index) => `${name} ${texts[index]}`).join(", ");
    canvas.setAttribute("aria-valuenow", String(-(chosen ?? 0)));
    canvas.setAttribute("aria-valuetext", `${chosen ?? 0} seconds ago: ${spoken}`);
  }

  /** @param {number | undefined} secondsAgo */
  function choose(secondsAgo) {
    chosen =
      secondsAgo === undefined || points.length === 0
        ? undefined
        : Math.min(points.length - 1, Math.max(0, secondsAgo));
    draw();
  }

  canvas.addEventListener("pointermove", ({ clientX }) => {
    const share = 1 - (clientX - canvas.getBoundingClientRect().left) / canvas.clientWidth;
    choose(Math.round(share * (SECONDS - 1)));
  });
  canvas.addEventListener("pointerleave", () => choose(undefined));
  canvas.addEventListener("blur", () => choose(undefined));
  canvas.addEventListener("keydown", (event) => {
    if (event.key === "Escape") choose(undefined);
    const step = STEPS.get(event.key);
    if (step === undefined) return;
    event.preventDefault();
    choose((chosen ?? 0) + step);
  });
  new ResizeObserver(draw).observe(canvas);
  return (next) => {
    points = next;
    draw();
  };
}

/** @param {(typeof TICKS)[number]} tick */
function toTick([position, text]) {
  const label = make("span", position === 1 ? "axis x last" : "axis x", text);
  label.style.left = `${position * 100}%`;
  if (position === 0) label.style.transform = "none";
  return label;
}

/**
 * Converts a point's index and value to a position in the image.
 *
 * @typedef {object} Scale
 * @property {(index: number) => number} toX
 * @property {(value: number) => number} toY
 * @property {number} height
 */

/**
 * Returns a line, with a gap where a point has no value, and the area below it.
 *
 * @param {Series} series
 * @param {readonly TimeSeriesPoint[]} points
 * @param {Scale} scale
 */
function toCurve({ key, hue, dash, hasArea }, points, { toX, toY, height }) {
  let [line, area] = ["", ""];
  let startX = 0;
  for (const [index, point] of points.entries()) {
    const value = point[key];
    if (value === undefined) continue;
    const [x, y] = [toX(index), toY(value)];
    if (points[index - 1]?.[key] === undefined) {
      startX = x;
      line += `M${x} ${y}h.01`;
      area += `M${x} ${height}V${y}`;
    } else {
      line += `L${x} ${y}`;
      area += `L${x} ${y}`;
    }
    if (points[index + 1]?.[key] === undefined) area += `V${height}H${startX}Z`;
  }
  const curve = svg("path", { class: `curve ${hue} ${dash}`, d: line });
  return hasArea === true ? [svg("path", { class: `area ${hue}`, d: area }), curve] : [curve];
}
