/** Script: the two plots. */

export const PLOT: string = String.raw`
const SECONDS = 180;
function svg(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  Object.keys(attributes).forEach(function (name) { element.setAttribute(name, attributes[name]); });
  return element;
}

/* 1, 2 or 5 times a power of ten: the axis changes seldom, so that curves can be compared with what was. */
function ceiling(value, least) {
  const power = Math.pow(10, Math.floor(Math.log10(Math.max(value, least))));
  return [1, 2, 5, 10].map(function (step) { return step * power; }).find(function (top) { return top >= value && top >= least; });
}

/* Returns what draws the points: the newest at the right edge, one second each. */
function plot(host, title, format, series) {
  const legend = make("ul", "legend lines"), canvas = make("div", "canvas"), image = svg("svg", { "aria-hidden": "true" });
  let points = [], chosen;
  const items = series.map(function (one) {
    const item = make("li", one.hue + " " + one.dash), value = make("b");
    item.append(make("span"), value);
    put(item.firstChild, one.name);
    legend.append(item);
    return value;
  });
  const at = make("li", "at");
  legend.append(at);
  canvas.append(image);
  host.append(legend, canvas);
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "slider");
  canvas.setAttribute("aria-label", title + ", the last three minutes");
  canvas.setAttribute("aria-valuemin", String(1 - SECONDS));
  canvas.setAttribute("aria-valuemax", "0");
  const axes = ["0", "", ""].map(function () { const label = make("span", "axis y"); canvas.append(label); return label; });
  [[0, "3 min ago"], [1 / 3, "2 min"], [2 / 3, "1 min"], [1, "now"]].forEach(function (tick) {
    const label = make("span", "axis x" + (tick[0] === 1 ? " last" : ""));
    put(label, tick[1]);
    label.style.left = tick[0] * 100 + "%";
    if (tick[0] === 0) label.style.transform = "none";
    canvas.append(label);
  });

  function draw() {
    const width = canvas.clientWidth, height = canvas.clientHeight;
    const top = ceiling(Math.max.apply(undefined, [0].concat(series.map(function (one) {
      return Math.max.apply(undefined, [0].concat(points.map(function (point) { return point[one.key] || 0; })));
    }))), 1);
    const toX = function (index) { return width - (points.length - 1 - index) * width / (SECONDS - 1); };
    const toY = function (value) { return height - value / top * height; };
    image.replaceChildren();
    axes.forEach(function (label, index) {
      const y = height - index * height / 2;
      put(label, format(index * top / 2));
      label.style.top = y + "px";
      image.append(svg("line", { class: "grid", x1: 0, x2: width, y1: y, y2: y }));
    });
    series.forEach(function (one) { drawCurve(one, toX, toY, height); });
    const shown = chosen === undefined ? points.length - 1 : points.length - 1 - chosen;
    if (chosen !== undefined) image.append(svg("line", { class: "cursor", x1: toX(shown), x2: toX(shown), y1: 0, y2: height }));
    tell(points[shown]);
  }

  function drawCurve(one, toX, toY, height) {
    let line = "", area = "", startX;
    points.forEach(function (point, index) {
      const value = point[one.key], x = toX(index);
      const follows = index > 0 && points[index - 1][one.key] !== undefined;
      if (value === undefined) return;
      if (!follows) { line += "M" + x + " " + toY(value) + "h.01"; area += "M" + x + " " + height + "V" + toY(value); startX = x; }
      else { line += "L" + x + " " + toY(value); area += "L" + x + " " + toY(value); }
      const isLast = index === points.length - 1 || points[index + 1][one.key] === undefined;
      if (isLast) area += "V" + height + "H" + startX + "Z";
    });
    if (one.area) image.append(svg("path", { class: "area " + one.hue, d: area }));
    image.append(svg("path", { class: "curve " + one.hue + " " + one.dash, d: line }));
  }

  function tell(point) {
    const words = series.map(function (one, index) {
      const value = point === undefined ? "–" : format(point[one.key]);
      put(items[index], value);
      return one.name + " " + value;
    });
    put(at, chosen === undefined ? "last second" : chosen + " s ago");
    canvas.setAttribute("aria-valuenow", String(-(chosen || 0)));
    canvas.setAttribute("aria-valuetext", (chosen || 0) + " seconds ago: " + words.join(", "));
  }

  function choose(secondsAgo) {
    chosen = secondsAgo === undefined || points.length === 0 ? undefined : Math.min(points.length - 1, Math.max(0, secondsAgo));
    draw();
  }
  canvas.addEventListener("pointermove", function (event) {
    const share = 1 - (event.clientX - canvas.getBoundingClientRect().left) / canvas.clientWidth;
    choose(Math.round(share * (SECONDS - 1)));
  });
  canvas.addEventListener("pointerleave", function () { choose(undefined); });
  canvas.addEventListener("blur", function () { choose(undefined); });
  canvas.addEventListener("keydown", function (event) {
    const step = { ArrowLeft: 1, ArrowRight: -1, PageUp: 10, PageDown: -10, Home: SECONDS, End: -SECONDS }[event.key];
    if (event.key === "Escape") return choose(undefined);
    if (step === undefined) return;
    event.preventDefault();
    choose((chosen || 0) + step);
  });
  new ResizeObserver(draw).observe(canvas);
  return function (next) { points = next; draw(); };
}
`;
