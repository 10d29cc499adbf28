/** The page's script: it shows the frame that headgate sends each second. */

import { byId, createLines, put, putById } from "./dom.js";
import {
  toAgo,
  toBytes,
  toCount,
  toDuration,
  toDurationText,
  toRate,
  toSpan,
  toText,
} from "./format.js";
import { createGlance } from "./glance.js";
import { createHeads } from "./heads.js";
import { createPlot } from "./plot.js";
import { createRecent } from "./recent.js";
import { createRoutes } from "./routes.js";
import { startTheme } from "./theme.js";
import { createUpstreams } from "./upstreams.js";

/** @import { Frame } from "../status-snapshot.ts" */

/** The page shows "connection lost" after this time without a frame. */
const SILENCE_MS = 6000;
/** The pause before a new attempt after headgate has refused the connection. */
const RETRY_MS = 5000;

const glance = createGlance();
const showTraffic = createPlot(byId("plot-traffic"), "Requests per second", toRate, [
  { key: "requests", name: "all", hue: "blue", dash: "solid", hasArea: true },
  { key: "heads", name: "HEAD", hue: "teal", dash: "dashed" },
  { key: "errors", name: "5xx", hue: "red", dash: "dotted" },
]);
const showLatency = createPlot(byId("plot-latency"), "Latency", toDurationText, [
  { key: "p99Ms", name: "p99", hue: "violet", dash: "solid", hasArea: true },
  { key: "p50Ms", name: "p50", hue: "teal", dash: "dashed" },
]);
const showHeads = createHeads();
const showUpstreams = createUpstreams();
const showRoutes = createRoutes();
const showRecent = createRecent();
const showReloadErrors = createLines(byId("reload-errors"));
const showCertificates = createLines(byId("certificates"));

/** @param {Frame} frame */
function show(frame) {
  const since = `since start ${toSpan(frame.uptimeSeconds)} ago`;
  document.body.classList.remove("waiting");
  showWindows(frame, since);
  showTiles(frame);
  showTraffic(frame.points);
  showLatency(frame.points);
  showHeads(frame.heads);
  showUpstreams(frame.upstreams, frame.now);
  showRoutes(frame, since);
  showRecent(frame);
  showConfiguration(frame);
}

/**
 * Shows the periods that the figures cover.
 *
 * @param {Frame} frame
 * @param {string} since
 */
function showWindows({ version, uptimeSeconds, startedAt, lastMinute }, since) {
  putById("version", version);
  putById("uptime", `${toSpan(uptimeSeconds)} ago`);
  byId("uptime").title = startedAt;
  for (const element of document.querySelectorAll(".since-start")) put(element, since);
  for (const element of document.querySelectorAll(".last-minute"))
    put(element, `last ${lastMinute.seconds} s`);
}

/** @param {Frame} frame */
function showTiles({ lastMinute, points, totals, heads, ...now }) {
  putById("rate", toRate(points.at(-1)?.requests));
  putById("requests", toCount(totals.requests));
  showQuantity("p99", toDuration(lastMinute.p99Ms));
  putById("p50", toDurationText(lastMinute.p50Ms));
  const { requests, serverErrors } = lastMinute;
  const percent = requests === 0 ? 0 : (100 * serverErrors) / requests;
  putById("errors", percent === 0 ? "0" : percent.toFixed(percent < 10 ? 1 : 0));
  putById("errors-total", toCount(totals.serverErrors));
  byId("errors")
    .closest(".tile")
    ?.classList.toggle("alert", percent > 0);
  putById("rescued", toCount(heads.rescued));
  putById("heads", toCount(totals.heads));
  showQuantity("spared", toBytes(heads.sparedBytes));
  putById("drained", toText(toBytes(heads.drainedBytes)));
  putById("in-flight", toCount(now.requestsInFlight));
  putById("connections", toCount(now.clientConnections));
  putById("tunnels", toCount(now.tunnels));
}

/**
 * Shows a value and its unit in two elements.
 *
 * @param {string} id
 * @param {import("./format.js").Quantity} quantity
 */
function showQuantity(id, [value, unit]) {
  putById(id, value);
  putById(`${id}-unit`, unit);
}

/** @param {Frame} frame */
function showConfiguration({ configuration, node, droppedLogLines, now }) {
  const { file, sha256, loadedAt, certificates, lastReload } = configuration;
  putById("file", file ?? "none: flags and environment");
  putById("hash", sha256?.slice(0, 12) ?? "–");
  byId("hash").title = sha256 ?? "";
  putById("loaded", toAgo(loadedAt, now));
  byId("certificates-fact").hidden = certificates.length === 0;
  showCertificates(
    certificates.map(
      ({ listen: at, names, notAfter }) =>
        `${names.join(" ")} on ${at} until ${notAfter.slice(0, 10)}${notAfter < now ? ", expired" : ""}`,
    ),
  );
  putById("node", node);
  putById("dropped", toCount(droppedLogLines));
  showReload(lastReload, now);
}

/**
 * @param {Frame["configuration"]["lastReload"]} reload
 * @param {string} now
 */
function showReload(reload, now) {
  const isGood = reload?.result === "success";
  const result = isGood ? "succeeded" : "failed";
  putById("reload", reload === undefined ? "none yet" : `${result} ${toAgo(reload.at, now)}`);
  byId("reload").className = reload === undefined ? "" : isGood ? "good" : "bad";
  const { errors, errorCount } = reload ?? { errors: [], errorCount: 0 };
  const rest = errorCount - errors.length;
  showReloadErrors(rest > 0 ? [...errors, `and ${rest} more, see the log`] : errors);
}

const pause = byId("pause");
pause.addEventListener("click", () => {
  const isPaused = !isPausedNow();
  pause.setAttribute("aria-pressed", String(isPaused));
  put(pause, isPaused ? "Paused" : "Pause");
});

function isPausedNow() {
  return pause.getAttribute("aria-pressed") === "true";
}

function listen() {
  const source = new EventSource("events");
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let silence;
  source.addEventListener("message", ({ data }) => {
    /** @type {Frame} */
    const frame = JSON.parse(data);
    // If the network drops the connection silently, the browser raises no error for minutes.
    clearTimeout(silence);
    silence = setTimeout(
      () => glance.showLost("headgate has sent nothing for a while; waiting."),
      SILENCE_MS,
    );
    glance.showHealth(frame);
    if (!isPausedNow()) show(frame);
  });
  source.addEventListener("error", () => {
    clearTimeout(silence);
    // The browser reconnects by itself, unless headgate refused the connection.
    if (source.readyState !== EventSource.CLOSED) {
      glance.showLost("The connection to headgate is lost; trying again.");
      return;
    }
    glance.showLost(
      "No live updates: headgate ended, or too many people are watching. Trying again.",
    );
    setTimeout(listen, RETRY_MS);
  });
}

startTheme();
listen();
