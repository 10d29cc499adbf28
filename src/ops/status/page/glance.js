/** headgate's health at a glance, also from another tab: pill, title, icon and the reasons under the header. */

import { byId, createLines, put, putById, putPill } from "./dom.js";

/** @import { Frame } from "../status-snapshot.ts" */

const icon = /** @type {HTMLLinkElement} */ (byId("icon"));

/** The states differ in shape as well as in colour: the pill's mark, the title's sign and the icon's outline. */
const STATES = {
  ok: { className: "good", sign: "", icon: icon.href },
  degraded: {
    className: "warn",
    sign: "▲ ",
    icon: toIcon(
      "<path fill='%23a35a00' stroke='none' d='M16 1.5 31.5 30H.5z'/><path d='M16 11.5v8M16 24.6v.2'/>",
    ),
  },
  failing: {
    className: "bad",
    sign: "✖ ",
    icon: toIcon(
      "<path fill='%23c62a35' stroke='none' d='M10 1h12l9 9v12l-9 9H10l-9-9V10z'/><path d='m10.5 10.5 11 11m0-11-11 11'/>",
    ),
  },
  lost: {
    className: "lost",
    sign: "○ ",
    icon: toIcon(
      "<g stroke='%237a8796'><circle cx='16' cy='16' r='13.5' stroke-dasharray='5.5 3'/><path d='M9 23 23 9'/></g>",
    ),
  },
};

/**
 * Returns an icon as a data URL.
 *
 * @param {string} content the SVG elements, with `#` as `%23`
 */
function toIcon(content) {
  const svg = `<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32' fill='none' stroke='%23fff' stroke-width='3.6' stroke-linecap='round'>${content}</svg>`;
  return `data:image/svg+xml,${svg.replaceAll("<", "%3C").replaceAll(">", "%3E")}`;
}

/** Returns two functions: one shows a frame's health, the other shows that the connection is lost. */
export function createGlance() {
  const [reasons, notice] = [byId("reasons"), byId("notice")];
  const showReasons = createLines(reasons);
  let shown = "";
  let now = "";

  /**
   * @param {keyof typeof STATES} state
   * @param {string} summary
   */
  function show(state, summary) {
    if (shown === `${state} ${summary}`) return;
    shown = `${state} ${summary}`;
    const { className, sign, icon: href } = STATES[state];
    putPill(byId("state"), summary, className);
    document.title = state === "ok" ? "headgate" : `${sign}${summary} · headgate`;
    icon.href = href;
    // A screen reader reads this aloud, so it changes only with the state.
    putById("news", `headgate: ${summary}`);
  }

  return {
    /** @param {Frame} frame */
    showHealth(frame) {
      const { health } = frame;
      now = frame.now;
      showReasons(health.reasons);
      reasons.hidden = health.reasons.length === 0;
      reasons.className = `notice ${STATES[health.state].className}`;
      notice.hidden = true;
      document.documentElement.classList.remove("stale");
      show(health.state, health.summary);
    },
    /**
     * Shows that the connection is lost. The last figures stay on the page, with their time.
     *
     * @param {string} why
     */
    showLost(why) {
      notice.hidden = false;
      put(notice, now === "" ? why : `${why} All figures are of ${now.slice(11, 19)} UTC.`);
      document.documentElement.classList.add("stale");
      show("lost", "connection lost");
    },
  };
}
