/**
 * Functions that find, create and fill the page's elements. They insert text only, never markup, because clients choose paths and
 * methods.
 */

/**
 * Returns an element of page.html. Throws if page.html has none with this id.
 *
 * @param {string} id
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no #${id}`);
  return element;
}

/**
 * Creates an element.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} [className]
 * @param {(Node | string)[]} children
 */
export function make(tag, className = "", ...children) {
  const element = document.createElement(tag);
  if (className !== "") element.className = className;
  element.append(...children);
  return element;
}

/**
 * Sets an element's text if it has changed. So a selection in an unchanged text stays.
 *
 * @param {Element} element
 * @param {string} text
 */
export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Sets the text of an element of page.html.
 *
 * @param {string} id
 * @param {string} text
 */
export function putById(id, text) {
  put(byId(id), text);
}

/**
 * Sets the text and the colour of a pill.
 *
 * @param {Element} element
 * @param {string} text
 * @param {string} hue
 */
export function putPill(element, text, hue) {
  put(element, text);
  element.className = `pill ${hue}`;
}

/**
 * An item's element, and the function that shows a newer state of the item in it.
 *
 * @template T
 * @typedef {{ readonly element: HTMLElement, readonly update: (item: T) => void }} Part
 */

/**
 * Creates a list with one element for each item. The key identifies an item. Its element is changed in place, so that it does not
 * flicker or lose focus.
 *
 * @template T
 * @param {Element} parent
 * @param {(item: T, index: number) => string} toKey
 * @param {(item: T) => Part<T>} create
 * @returns {(items: readonly T[]) => void} shows these items in this order
 */
export function createList(parent, toKey, create) {
  /** @type {Map<string, Part<T>>} */
  let shown = new Map();
  return (items) => {
    const before = shown;
    shown = new Map();
    for (const [index, item] of items.entries()) {
      const key = toKey(item, index);
      const part = before.get(key) ?? create(item);
      part.update(item);
      shown.set(key, part);
    }
    for (const [key, { element }] of before) if (!shown.has(key)) element.remove();
    for (const [index, { element }] of [...shown.values()].entries()) {
      const there = parent.children[index];
      if (there === undefined) parent.append(element);
      else if (there !== element) there.before(element);
    }
  };
}

/**
 * Creates a list with one text element for each line.
 *
 * @param {Element} list
 */
export function createLines(list) {
  return createList(
    list,
    (/** @type {string} */ _line, index) => String(index),
    () => {
      const element = make("li");
      return { element, update: (line) => put(element, line) };
    },
  );
}
