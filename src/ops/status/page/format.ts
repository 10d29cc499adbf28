/** Script: small tools, and numbers as text that keeps its width. */

export const FORMAT: string = String.raw`
function byId(id) { return document.getElementById(id); }
function make(tag, className) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  return element;
}
/* Text, never markup: what strangers send is on this page. Untouched where nothing changed, so that a selection stays. */
function put(element, value) {
  if (element.textContent !== value) element.textContent = value;
}
function text(id, value) { put(byId(id), value); }
function pill(element, value, hue) {
  put(element, value);
  element.className = "pill " + (hue || "");
}

const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
function count(value) {
  if (value < 1e6) return grouped.format(value);
  if (value < 1e9) return (value / 1e6).toFixed(2) + " M";
  return (value / 1e9).toFixed(2) + " G";
}
function formatRate(value) {
  if (value === undefined) return "–";
  return value < 10 && value % 1 !== 0 ? value.toFixed(1) : grouped.format(value);
}
/* Value and unit, in three digits or so. */
function duration(ms) {
  if (ms === undefined) return ["–", ""];
  if (ms === 0) return ["0", "ms"];
  if (ms >= 1000) return [(ms / 1000).toFixed(ms < 10000 ? 2 : 1), "s"];
  return [ms < 1 ? ms.toFixed(2) : ms < 100 ? ms.toFixed(1) : ms.toFixed(0), "ms"];
}
function words(pair) { return pair.join(" ").trim(); }
function bytes(value) {
  let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"], index = 0;
  while (value >= 1024 && index < units.length - 1) { value /= 1024; index += 1; }
  return [index === 0 ? String(value) : value.toFixed(value < 100 ? 1 : 0), units[index]];
}
function span(seconds) {
  if (seconds < 60) return Math.max(0, Math.round(seconds)) + " s";
  if (seconds < 3600) return Math.floor(seconds / 60) + " min";
  if (seconds < 86400) return Math.floor(seconds / 3600) + " h " + Math.floor(seconds % 3600 / 60) + " min";
  return Math.floor(seconds / 86400) + " d " + Math.floor(seconds % 86400 / 3600) + " h";
}
/* By the server's clock for both: the browser's may be wrong. */
function ago(then, now) { return span((Date.parse(now) - Date.parse(then)) / 1000) + " ago"; }

/* One element for each item, known by its key: what stays is changed in place, so that nothing flickers or loses focus. */
function sync(parent, items, toKey, create, update) {
  const known = new Map();
  Array.from(parent.children).forEach(function (child) { known.set(child.dataset.key, child); });
  items.forEach(function (item, index) {
    const key = String(toKey(item));
    let child = known.get(key);
    if (child === undefined) {
      child = create(item);
      child.dataset.key = key;
    }
    known.delete(key);
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] || null);
    update(child, item);
  });
  known.forEach(function (child) { child.remove(); });
}
`;
