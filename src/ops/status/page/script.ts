/**
 * The page's script. It is text to this program: a type checker for the browser would need another set of globals, and a
 * build step would make what is tested differ from what is served. So: no backquotes, no `${`, plain DOM calls.
 */

import { FORMAT } from "./format.ts";
import { LISTS } from "./lists.ts";
import { PLOT } from "./plot.ts";
import { STATE } from "./state.ts";

const MAIN = String.raw`
const root = document.documentElement;
const page = { isPaused: false, startedAt: "", lastFrameAt: 0 };
const drawTraffic = plot(byId("plot-traffic"), "Requests per second", formatRate, [
  { key: "requests", name: "all", hue: "blue", dash: "solid", area: true },
  { key: "heads", name: "HEAD", hue: "teal", dash: "dashed" },
  { key: "errors", name: "5xx", hue: "red", dash: "dotted" }
]);
const drawLatency = plot(byId("plot-latency"), "Latency", function (ms) { return words(duration(ms)); }, [
  { key: "p99Ms", name: "p99", hue: "violet", dash: "solid", area: true },
  { key: "p50Ms", name: "p50", hue: "teal", dash: "dashed" }
]);

function show(frame) {
  page.startedAt = frame.startedAt;
  document.body.classList.remove("waiting");
  showWindows(frame);
  showTiles(frame);
  drawTraffic(frame.points);
  drawLatency(frame.points);
  showHeads(frame.heads);
  showUpstreams(frame.upstreams, frame.now);
  showRoutes(frame.routes, frame.routeCount, sinceStart(frame));
  showLast(byId("last-heads"), frame.lastHeads, headCells, "No HEAD yet. Send one, and it appears here.");
  showLast(byId("last-errors"), frame.lastErrors, errorCells, "No errors since the start.");
  showConfiguration(frame);
}

function sinceStart(frame) { return "since start " + span(frame.uptimeSeconds) + " ago"; }

/* What the figures are of. */
function showWindows(frame) {
  const since = sinceStart(frame), minute = "last " + frame.lastMinute.seconds + " s";
  text("version", frame.version);
  text("uptime", span(frame.uptimeSeconds) + " ago");
  byId("uptime").title = frame.startedAt;
  document.querySelectorAll(".since-start").forEach(function (element) { put(element, since); });
  document.querySelectorAll(".last-minute").forEach(function (element) { put(element, minute); });
}

function showTiles(frame) {
  const minute = frame.lastMinute, now = frame.points[frame.points.length - 1];
  const p99 = duration(minute.p99Ms);
  const share = minute.requests === 0 ? 0 : 100 * minute.serverErrors / minute.requests;
  text("rate", now === undefined ? "–" : formatRate(now.requests));
  text("requests", count(frame.totals.requests));
  text("p99", p99[0]);
  text("p99-unit", p99[1]);
  text("p50", words(duration(minute.p50Ms)));
  text("errors", share === 0 ? "0" : share < 10 ? share.toFixed(1) : share.toFixed(0));
  text("errors-total", count(frame.totals.serverErrors));
  byId("errors").closest(".tile").classList.toggle("alert", share > 0);
  text("rescued", count(frame.heads.rescued));
  text("heads", count(frame.totals.heads));
  const spared = bytes(frame.heads.sparedBytes);
  text("spared", spared[0]);
  text("spared-unit", spared[1]);
  text("drained", bytes(frame.heads.drainedBytes).join(" "));
  text("in-flight", count(frame.requestsInFlight));
  text("connections", count(frame.clientConnections));
  text("tunnels", count(frame.tunnels));
}

function showConfiguration(frame) {
  const configuration = frame.configuration, reload = configuration.lastReload;
  text("file", configuration.file || "none: flags and environment");
  text("hash", configuration.sha256 ? configuration.sha256.slice(0, 12) : "–");
  byId("hash").title = configuration.sha256 || "";
  text("loaded", ago(configuration.loadedAt, frame.now));
  text("reload", reload ? (reload.result === "success" ? "succeeded " : "failed ") + ago(reload.at, frame.now) : "none yet");
  byId("reload").className = reload ? (reload.result === "success" ? "good" : "bad") : "";
  text("node", frame.node);
  text("dropped", count(frame.droppedLogLines));
  const errors = reload ? reload.errors : [], rest = reload ? reload.errorCount - errors.length : 0;
  showLines(byId("reload-errors"), rest > 0 ? errors.concat("and " + rest + " more, see the log") : errors);
}

function listen() {
  const source = new EventSource("events");
  source.onmessage = function (event) {
    const frame = JSON.parse(event.data);
    page.lastFrameAt = Date.now();
    showHealth(frame);
    if (!page.isPaused) show(frame);
  };
  source.onerror = function () {
    // The browser connects again by itself, except where it was refused.
    if (source.readyState !== EventSource.CLOSED) return showLost("The connection to headgate is lost; trying again.");
    showLost("No live updates: headgate ended, or too many people are watching. Trying again.");
    setTimeout(listen, 5000);
  };
}

/* A connection that died without a word raises no error for minutes. */
setInterval(function () {
  if (page.lastFrameAt > 0 && Date.now() - page.lastFrameAt > 6000) showLost("headgate has sent nothing for a while; waiting.");
}, 2000);

byId("pause").addEventListener("click", function () {
  page.isPaused = !page.isPaused;
  this.setAttribute("aria-pressed", String(page.isPaused));
  put(this, page.isPaused ? "Paused" : "Pause");
});

/* Private windows may refuse storage: then the choice holds until the page is left. */
function storedTheme(value) {
  try {
    if (value !== undefined) localStorage.setItem("headgate-theme", value);
    return localStorage.getItem("headgate-theme");
  } catch (error) {
    return value;
  }
}
const THEMES = ["auto", "light", "dark"];
function setTheme(theme) {
  root.dataset.theme = theme;
  put(byId("theme"), "Theme: " + theme);
}
byId("theme").addEventListener("click", function () {
  const next = THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % THEMES.length];
  storedTheme(next);
  setTheme(next);
});
setTheme(THEMES.indexOf(storedTheme()) > 0 ? storedTheme() : "auto");
listen();
`;

/** Everything in one scope of its own. */
export const SCRIPT: string = `(function () {\n"use strict";${FORMAT}${STATE}${PLOT}${LISTS}${MAIN}})();\n`;
