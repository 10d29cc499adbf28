/** The tables of the last HEADs and the last errors. */

import { byId, createList, make } from "./dom.js";
import { toBytes, toDurationText, toText } from "./format.js";
import { OUTCOMES, toKeyClass } from "./heads.js";

/** @import { Frame } from "../status-snapshot.ts" */
/** @import { RecentExchange } from "../recent.ts" */

/**
 * Creates both tables.
 *
 * @returns {(frame: Frame) => void} shows a frame's exchanges
 */
export function createRecent() {
  const showHeads = createTable(
    byId("last-heads"),
    toHeadCells,
    "No HEAD yet. Send one, and it appears here.",
  );
  const showErrors = createTable(byId("last-errors"), toErrorCells, "No errors since the start.");
  return ({ lastHeads, lastErrors, startedAt }) => {
    showHeads(lastHeads, startedAt);
    showErrors(lastErrors, startedAt);
  };
}

/**
 * Creates a table with one row for each exchange.
 *
 * @param {HTMLElement} body
 * @param {(exchange: RecentExchange) => readonly HTMLElement[]} toCells
 * @param {string} nothing the text that is shown while the table has no row
 * @returns {(exchanges: readonly RecentExchange[], startedAt: string) => void}
 */
function createTable(body, toCells, nothing) {
  const cell = make("td", "", nothing);
  cell.colSpan = body.parentElement?.querySelectorAll("th").length ?? 1;
  const empty = make("tr", "empty", cell);
  let start = "";
  const show = createList(
    body,
    // The numbers begin at 1 again after each start of headgate.
    (/** @type {RecentExchange} */ { number }) => `${start}#${number}`,
    (exchange) => ({
      element: make("tr", body.children.length === 0 ? "" : "new", ...toCells(exchange)),
      // A finished exchange does not change.
      update: () => undefined,
    }),
  );
  return (exchanges, startedAt) => {
    start = startedAt;
    if (exchanges.length > 0) {
      show(exchanges);
      empty.remove();
    } else if (body.children.length === 0) body.append(empty);
  };
}

/** @param {RecentExchange} exchange */
function toHeadCells(exchange) {
  const { path, route, head = "none", durationMs } = exchange;
  const key = make("i", toKeyClass(OUTCOMES, head));
  return [
    toTimeCell(exchange),
    toStatusCell(exchange),
    toCell(path, "name", path + (route === undefined ? "" : `\nroute ${route}`)),
    make("td", "", make("span", "tag", key, OUTCOMES.labels.get(head) ?? head)),
    toCell(toBody(exchange)),
    toCell(toDurationText(durationMs)),
  ];
}

/** @param {RecentExchange} exchange */
function toErrorCells(exchange) {
  const request = `${exchange.method} ${exchange.path}`;
  const error = exchange.error ?? "the upstream's own";
  return [
    toTimeCell(exchange),
    toStatusCell(exchange),
    toCell(request, "name", request),
    toCell(error, exchange.error === undefined ? "muted" : "name", error),
  ];
}

/** @param {RecentExchange} exchange */
function toTimeCell({ at }) {
  return toCell(at.slice(11, 19), "", at);
}

/** @param {RecentExchange} exchange */
function toStatusCell({ status }) {
  const hue = status >= 500 || status === 0 ? "red" : status >= 400 ? "amber" : "teal";
  const text = status === 0 ? "none" : String(status);
  return make("td", "", make("span", `status ${hue}`, text));
}

/** @param {RecentExchange} exchange */
function toBody({ body, bytesDrained, bytesSpared }) {
  if (body === "drained") return `${toText(toBytes(bytesDrained))} dropped`;
  if (body === "aborted")
    return bytesSpared > 0 ? `${toText(toBytes(bytesSpared))} spared` : "cut off";
  return body === "none" ? "no body" : (body ?? "–");
}

/**
 * @param {string} text
 * @param {string} [className]
 * @param {string} [title]
 */
function toCell(text, className = "", title = "") {
  const cell = make("td", className, text);
  cell.title = title;
  return cell;
}
