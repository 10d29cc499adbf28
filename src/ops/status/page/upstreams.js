/** One card for each upstream, with its addresses. */

import { byId, createList, make, put, putPill } from "./dom.js";
import { toAgo, toCount, toDurationText } from "./format.js";

/** @import { Part } from "./dom.js" */
/** @import { UpstreamStatus } from "../upstream-status.ts" */

/** @typedef {UpstreamStatus["addresses"][number]} AddressStatus */

const HUES = { unused: "", up: "good", failing: "bad" };

/** @type {readonly (readonly [string, (upstream: UpstreamStatus) => string])[]} */
const NUMBERS = [
  ["idle now", ({ connections }) => toCount(connections["idle"] ?? 0)],
  ["active now", ({ connections }) => toCount(connections["active"] ?? 0)],
  ["responses", ({ answers }) => toCount(answers)],
  ["errors", ({ errors }) => toCount(Object.values(errors).reduce((sum, count) => sum + count, 0))],
  ["p99", ({ p99Ms }) => toDurationText(p99Ms)],
];

/**
 * Creates the list of cards.
 *
 * @returns {(upstreams: readonly UpstreamStatus[], now: string) => void} shows the upstreams; `now` is an ISO time of headgate's clock
 */
export function createUpstreams() {
  let now = "";
  const show = createList(
    byId("upstreams"),
    (/** @type {UpstreamStatus} */ { name }) => name,
    ({ name }) => createCard(name, () => now),
  );
  return (upstreams, time) => {
    now = time;
    show(upstreams);
  };
}

/**
 * Creates an upstream's card.
 *
 * @param {string} name
 * @param {() => string} now
 * @returns {Part<UpstreamStatus>}
 */
function createCard(name, now) {
  const state = make("span", "pill");
  const url = make("p", "name");
  const trouble = make("p");
  const values = NUMBERS.map(() => make("b"));
  const numbers = NUMBERS.map(([label], index) => make("span", "", values[index] ?? "", label));
  const addresses = make("ul", "addresses");
  const showAddresses = createList(
    addresses,
    (/** @type {AddressStatus} */ { address }) => address,
    ({ address }) => createAddress(address, now),
  );
  const top = make("div", "top", make("b", "name", name), state);
  return {
    element: make("li", "", top, url, make("div", "numbers", ...numbers), trouble, addresses),
    update(upstream) {
      const { lastError } = upstream;
      putPill(state, upstream.state, HUES[upstream.state]);
      put(url, upstream.url ?? "");
      for (const [index, [, toValue]] of NUMBERS.entries())
        put(values[index] ?? trouble, toValue(upstream));
      trouble.className = upstream.state === "failing" ? "trouble" : "trouble past";
      put(
        trouble,
        lastError === undefined
          ? "no errors since start"
          : `last error: ${lastError.title} (${lastError.code}), ${toAgo(lastError.at, now())}`,
      );
      showAddresses(upstream.addresses);
    },
  };
}

/**
 * Creates the row of an address: its open connections and its last connection error.
 *
 * @param {string} address
 * @param {() => string} now
 * @returns {Part<AddressStatus>}
 */
function createAddress(address, now) {
  const [open, trouble] = [make("span"), make("small")];
  return {
    element: make("li", "", make("b", "name", address), open, trouble),
    update({ connections, lastError }) {
      put(open, `${toCount(connections)} ${connections === 1 ? "connection" : "connections"} now`);
      put(
        trouble,
        lastError === undefined
          ? ""
          : `last connection error: ${lastError.code}, ${toAgo(lastError.at, now())}`,
      );
    },
  };
}
