/** Script: what is seen at the first glance, also in another tab: pill, title, icon and the reasons under the header. */

export const STATE: string = String.raw`
/* By shape as well as by colour: a pill's mark, a title's sign and an icon's outline differ in each state. */
const STATES = {
  ok: { className: "good", sign: "", icon: byId("icon").href },
  degraded: { className: "warn", sign: "▲ ", icon: toIcon("<path fill='%23a35a00' stroke='none' d='M16 1.5 31.5 30H.5z'/><path d='M16 11.5v8M16 24.6v.2'/>") },
  failing: { className: "bad", sign: "✖ ", icon: toIcon("<path fill='%23c62a35' stroke='none' d='M10 1h12l9 9v12l-9 9H10l-9-9V10z'/><path d='m10.5 10.5 11 11m0-11-11 11'/>") },
  lost: { className: "lost", sign: "○ ", icon: toIcon("<g stroke='%237a8796'><circle cx='16' cy='16' r='13.5' stroke-dasharray='5.5 3'/><path d='M9 23 23 9'/></g>") }
};
function toIcon(content) {
  return "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32' fill='none' stroke='%23fff' stroke-width='3.6' stroke-linecap='round'%3E" +
    content.replace(/</g, "%3C").replace(/>/g, "%3E") + "%3C/svg%3E";
}

const glance = { state: "", summary: "", now: "" };
function showHealth(frame) {
  glance.now = frame.now;
  showLines(byId("reasons"), frame.health.reasons);
  byId("reasons").hidden = frame.health.reasons.length === 0;
  byId("reasons").className = "notice " + STATES[frame.health.state].className;
  byId("notice").hidden = true;
  document.documentElement.classList.remove("stale");
  showGlance(frame.health.state, frame.health.summary);
}

/* The figures stay, and say of when they are. */
function showLost(why) {
  byId("notice").hidden = false;
  text("notice", glance.now === "" ? why : why + " All figures are of " + glance.now.slice(11, 19) + " UTC.");
  document.documentElement.classList.add("stale");
  showGlance("lost", "connection lost");
}

function showGlance(state, summary) {
  if (state === glance.state && summary === glance.summary) return;
  const one = STATES[state];
  glance.state = state;
  glance.summary = summary;
  pill(byId("state"), summary, one.className);
  document.title = state === "ok" ? "headgate" : one.sign + summary + " · headgate";
  byId("icon").href = one.icon;
  // For those who do not see the page change: only what is worth an interruption.
  text("news", "headgate: " + summary);
}

function showLines(list, lines) {
  sync(list, lines, function (line) { return line; }, function () { return make("li"); }, put);
}
`;
