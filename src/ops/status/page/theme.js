/** The choice between the light and the dark scheme. */

import { byId, put } from "./dom.js";

const KEY = "headgate-theme";
/** "auto" follows the browser's setting. */
const THEMES = /** @type {const} */ (["auto", "light", "dark"]);

/** Applies the stored theme. The button switches to the next one. */
export function startTheme() {
  const button = byId("theme");
  const stored = load();
  let theme = THEMES.find((name) => name === stored) ?? "auto";
  const show = () => {
    document.documentElement.dataset["theme"] = theme;
    put(button, `Theme: ${theme}`);
  };
  button.addEventListener("click", () => {
    theme = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "auto";
    save(theme);
    show();
  });
  show();
}

// A private window may refuse storage. Then the choice lasts until the operator leaves the page.
function load() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return undefined;
  }
}

/** @param {string} theme */
function save(theme) {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // As in `load`.
  }
}
