/** The table of routes. */

import { byId, createList, make, put, putById } from "./dom.js";
import { toCount, toDurationText } from "./format.js";

/** @import { Part } from "./dom.js" */
/** @import { Frame } from "../status-snapshot.ts" */
/** @import { RouteStatus } from "../route-status.ts" */

/**
 * The columns after the first two. On a narrow screen the table has no header, so each cell shows its label.
 *
 * @type {readonly { readonly label: string, readonly toText: (route: RouteStatus) => string }[]}
 */
const COLUMNS = [
  { label: "Upstream", toText: ({ upstream }) => upstream ?? "–" },
  { label: "Requests", toText: ({ requests }) => toCount(requests) },
  { label: "HEADs", toText: ({ heads }) => toCount(heads) },
  { label: "Rescued", toText: ({ rescued }) => toCount(rescued) },
  { label: "4xx", toText: ({ clientErrors }) => toCount(clientErrors) },
  { label: "5xx", toText: ({ serverErrors }) => toCount(serverErrors) },
  { label: "Aborts", toText: ({ clientAborts }) => toCount(clientAborts) },
  { label: "p50", toText: ({ p50Ms }) => toDurationText(p50Ms) },
  { label: "p99", toText: ({ p99Ms }) => toDurationText(p99Ms) },
];

/**
 * Creates the table.
 *
 * @returns {(frame: Frame, since: string) => void} shows a frame's routes; `since` is the text about the period that they cover
 */
export function createRoutes() {
  const show = createList(
    byId("routes"),
    (/** @type {RouteStatus} */ { name }) => name,
    ({ name }) => createRow(name),
  );
  return ({ routes, routeCount }, since) => {
    const isPart = routeCount > routes.length;
    const part = isPart ? `the ${routes.length} busiest of ${toCount(routeCount)}, ` : "";
    putById("routes-note", part + since);
    show(routes);
  };
}

/**
 * Creates a route's row.
 *
 * @param {string} name
 * @returns {Part<RouteStatus>}
 */
function createRow(name) {
  const route = make("td", "name");
  route.title = name;
  const mode = make("span");
  const cells = COLUMNS.map(({ label }) => {
    const cell = make("td", label === "Upstream" ? "name" : "");
    cell.dataset["label"] = label;
    return cell;
  });
  const element = make("tr", "", route, make("td", "", mode), ...cells);
  return {
    element,
    update(status) {
      const isNone = status.mode === undefined && name === "none";
      element.className = status.requests === 0 ? "idle" : "";
      put(route, isNone ? "refused before any route" : name);
      mode.className = status.mode === undefined ? "muted" : "tag";
      put(mode, status.mode ?? "–");
      for (const [index, cell] of cells.entries()) {
        const column = COLUMNS[index];
        if (column !== undefined) put(cell, column.toText(status));
        if (column?.label === "5xx") cell.className = status.serverErrors > 0 ? "hot" : "";
      }
    },
  };
}
