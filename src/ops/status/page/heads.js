/** The outcomes of HEADs, and what became of the bodies of the upstream's responses. */

import { HEAD_OUTCOMES } from "../../../http/head-outcomes.ts";
import { byId, createList, make, put } from "./dom.js";
import { toCount } from "./format.js";

/** @import { BodyOutcome } from "../../../http/exchange.ts" */
/** @import { StatusSnapshot } from "../status-snapshot.ts" */

/**
 * Labels by key. palette.css has a colour and a pattern for the class `prefix` + key.
 *
 * @typedef {{ readonly prefix: string, readonly labels: ReadonlyMap<string, string> }} Keys
 */

/** @type {Keys} */
export const OUTCOMES = {
  prefix: "head-",
  labels: new Map([
    ...Object.entries(HEAD_OUTCOMES).map(
      ([name, { label }]) => /** @type {const} */ ([name, label]),
    ),
    // headgate refused the HEAD before it chose an outcome.
    ["none", "refused"],
  ]),
};

/** @type {Readonly<Record<BodyOutcome, string>>} */
const BODY_LABELS = { none: "no body", drained: "read", aborted: "cut off" };

/** @type {Keys} */
const BODIES = { prefix: "body-", labels: new Map(Object.entries(BODY_LABELS)) };

/**
 * Returns the class of a key's colour and pattern.
 *
 * @param {Keys} keys
 * @param {string} key
 */
export function toKeyClass({ prefix }, key) {
  return `key ${prefix}${key}`;
}

/**
 * Creates both bars.
 *
 * @returns {(heads: StatusSnapshot["heads"]) => void} shows the counts
 */
export function createHeads() {
  const showOutcomes = createSplit(byId("outcomes"), OUTCOMES);
  const showBodies = createSplit(byId("bodies"), BODIES);
  return ({ outcomes, bodies }) => {
    showOutcomes(outcomes);
    showBodies(bodies);
  };
}

/**
 * Creates a bar that shows each count's share of the total, and its legend.
 *
 * @param {Element} host
 * @param {Keys} keys
 * @returns {(counts: Readonly<Record<string, number>>) => void}
 */
function createSplit(host, keys) {
  const bar = make("div", "bar");
  const legend = make("ul", "legend");
  host.append(bar, legend);
  const showBar = createList(bar, toKey, ({ key }) => {
    const element = make("span", toKeyClass(keys, key));
    return {
      element,
      update({ share }) {
        element.style.width = `${share * 100}%`;
        element.hidden = share === 0;
      },
    };
  });
  const showLegend = createList(legend, toKey, ({ key }) => {
    const [value, percent] = [make("b"), make("small")];
    const label = make("span", "", keys.labels.get(key) ?? key);
    return {
      element: make("li", "", make("i", toKeyClass(keys, key)), label, value, percent),
      update({ count, share, hasNone }) {
        put(value, toCount(count));
        put(percent, hasNone ? "–" : `${(100 * share).toFixed(1)} %`);
      },
    };
  });
  return (counts) => {
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
    // If headgate was updated while the page was open, a new key has no label, and the page shows its name.
    const shares = [...new Set([...keys.labels.keys(), ...Object.keys(counts)])].map((key) => {
      const count = counts[key] ?? 0;
      return { key, count, share: total === 0 ? 0 : count / total, hasNone: total === 0 };
    });
    showBar(shares);
    showLegend(shares);
  };
}

/** @param {{ readonly key: string, readonly count: number, readonly share: number, readonly hasNone: boolean }} share */
function toKey({ key }) {
  return key;
}
