/** The page's skeleton: every number has its place before the first one arrives, so that nothing jumps. */

/** A gate that is an H. The icon has its colours written out, because a tab's icon sees no style sheet. */
const ICON =
  "%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32' fill='none' stroke='%23fff' stroke-width='3.2' " +
  "stroke-linecap='round'%3E%3Crect width='32' height='32' rx='8' fill='%230d8074' stroke='none'/%3E" +
  "%3Cpath d='M8.5 8v16M23.5 8v16M8.5 13h15M13.5 24v-3.5a2.5 2.5 0 0 1 5 0V24'/%3E%3C/svg%3E";

/** HTML with places for the style and the script. */
export const MARKUP: string = String.raw`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>headgate</title>
<link id="icon" rel="icon" href="data:image/svg+xml,${ICON}">
<style>/*STYLE*/</style>
</head>
<body class="waiting">
<header>
  <svg class="logo" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8"/><path d="M8.5 8v16M23.5 8v16M8.5 13h15M13.5 24v-3.5a2.5 2.5 0 0 1 5 0V24"/></svg>
  <h1>headgate</h1>
  <span id="version" class="muted"></span>
  <span id="state" class="pill">connecting</span>
  <span class="break"></span>
  <span class="uptime muted">started <b id="uptime">–</b></span>
  <span class="spacer"></span>
  <button id="pause" type="button" aria-pressed="false">Pause</button>
  <button id="theme" type="button">Theme: auto</button>
</header>
<p id="news" class="hidden" role="status"></p>
<noscript><p class="notice">This page needs JavaScript. The same figures are in <a href="status.json">status.json</a>.</p></noscript>
<p id="notice" class="notice lost" hidden></p>
<ul id="reasons" class="notice" hidden></ul>

<main>
<section class="tiles" aria-label="Now">
  <div class="tile blue"><h2>Requests</h2><p><b id="rate">–</b> <i>/s</i></p><small>last second</small><small><b id="requests">–</b> since start</small></div>
  <div class="tile violet"><h2>Latency, p99</h2><p><b id="p99">–</b> <i id="p99-unit">ms</i></p><small class="last-minute">last minute</small><small>p50 <b id="p50">–</b></small></div>
  <div class="tile"><h2>Errors, 5xx</h2><p><b id="errors">–</b> <i>%</i></p><small class="last-minute">last minute</small><small><b id="errors-total">–</b> since start</small></div>
  <div class="tile teal"><h2>HEADs rescued</h2><p><b id="rescued">–</b></p><small>since start</small><small>of <b id="heads">–</b> HEADs</small></div>
  <div class="tile teal"><h2>Body bytes spared</h2><p><b id="spared">–</b> <i id="spared-unit">B</i></p><small>since start</small><small><b id="drained">–</b> read</small></div>
  <div class="tile"><h2>In flight</h2><p><b id="in-flight">–</b></p><small>now</small><small><b id="connections">–</b> clients, <b id="tunnels">–</b> tunnels</small></div>
</section>

<section class="panel half" aria-labelledby="h-traffic">
  <h2 id="h-traffic">Requests per second <small class="muted">each second of the last 3 min</small></h2>
  <div id="plot-traffic" class="plot"></div>
</section>
<section class="panel half" aria-labelledby="h-latency">
  <h2 id="h-latency">Latency <small class="muted">each second of the last 3 min</small></h2>
  <div id="plot-latency" class="plot"></div>
</section>

<section class="panel half" aria-labelledby="h-heads">
  <h2 id="h-heads">What happened to HEADs <small class="muted since-start">since start</small></h2>
  <h3>The request</h3>
  <div id="outcomes" class="split"></div>
  <h3>The body of the response</h3>
  <div id="bodies" class="split"></div>
</section>
<section class="panel half" aria-labelledby="h-upstreams">
  <h2 id="h-upstreams">Upstreams <small class="muted">connections now, all else <span class="since-start">since start</span></small></h2>
  <ul id="upstreams" class="upstreams"></ul>
</section>

<section class="panel" aria-labelledby="h-routes">
  <h2 id="h-routes">Routes <small id="routes-note" class="muted"></small></h2>
  <table class="routes">
    <thead><tr><th scope="col">Route</th><th scope="col">HEAD</th><th scope="col">Upstream</th><th scope="col">Requests</th><th scope="col">HEADs</th><th scope="col">Rescued</th><th scope="col">4xx</th><th scope="col">5xx</th><th scope="col">Aborts</th><th scope="col">p50</th><th scope="col">p99</th></tr></thead>
    <tbody id="routes"></tbody>
  </table>
</section>

<section class="panel wide" aria-labelledby="h-last-heads">
  <h2 id="h-last-heads">Last HEADs <small class="muted">the last 50, newest first, UTC</small></h2>
  <div class="scroll" tabindex="0" role="region" aria-labelledby="h-last-heads">
  <table class="last">
    <thead><tr><th scope="col">Time</th><th scope="col">Status</th><th scope="col">Path</th><th scope="col">Done</th><th scope="col">Body</th><th scope="col">Took</th></tr></thead>
    <tbody id="last-heads"></tbody>
  </table>
  </div>
</section>
<section class="panel narrow" aria-labelledby="h-last-errors">
  <h2 id="h-last-errors">Last errors <small class="muted">the last 50, newest first, UTC</small></h2>
  <div class="scroll" tabindex="0" role="region" aria-labelledby="h-last-errors">
  <table class="last errors">
    <thead><tr><th scope="col">Time</th><th scope="col">Status</th><th scope="col">Request</th><th scope="col">Error</th></tr></thead>
    <tbody id="last-errors"></tbody>
  </table>
  </div>
</section>

<section class="panel" aria-labelledby="h-configuration">
  <h2 id="h-configuration">Configuration</h2>
  <dl class="facts">
    <div><dt>File</dt><dd id="file" class="code">–</dd></div>
    <div><dt>SHA-256</dt><dd id="hash" class="code">–</dd></div>
    <div><dt>Loaded</dt><dd id="loaded">–</dd></div>
    <div><dt>Last reload</dt><dd id="reload">–</dd></div>
    <div><dt>Node.js</dt><dd id="node">–</dd></div>
    <div><dt>Log lines dropped since start</dt><dd id="dropped">–</dd></div>
  </dl>
  <ul id="reload-errors" class="problems code"></ul>
</section>
</main>
<footer><nav aria-label="Other pages"><a href="status.json">status.json</a><a href="metrics">metrics</a><a href="readyz">readyz</a><a href="livez">livez</a></nav></footer>
<script>/*SCRIPT*/</script>
</body>
</html>
`;
