/** The page's style: two schemes from one set of names, and one column below 720 px. */

import { PALETTE } from "./palette.ts";

export const STYLE: string = String.raw`
:root {
  color-scheme: light dark;
  --page: light-dark(#f4f6f8, #0d1014);
  --panel: light-dark(#ffffff, #151a20);
  --sunken: light-dark(#eef1f4, #1d242c);
  --line: light-dark(#e1e6eb, #262e38);
  --text: light-dark(#17202b, #e7ebf0);
  --muted: light-dark(#586474, #98a4b3);
  --blue: light-dark(#2563d9, #6ea4ff);
  --teal: light-dark(#0a6f65, #35cdb9);
  --violet: light-dark(#7443d6, #b394ff);
  --amber: light-dark(#a35a00, #f2b233);
  --red: light-dark(#c62a35, #ff7a78);
  --grey: light-dark(#8592a1, #6d7987);
  --shadow: light-dark(0 1px 2px #1726390f, 0 0 #0000);
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
:root[data-theme=light] { color-scheme: light; }
:root[data-theme=dark] { color-scheme: dark; }
* { box-sizing: border-box; margin: 0; }
body {
  max-width: 1320px; margin: 0 auto; padding: 0 24px 32px;
  background: var(--page); color: var(--text);
  font: 14px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
  font-variant-numeric: tabular-nums;
}
.muted, small, th, dt, h3 { color: var(--muted); }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.code { font-family: var(--mono); font-size: 12.5px; }
:focus-visible { outline: 2px solid var(--blue); outline-offset: 2px; border-radius: 6px; }

header { display: flex; align-items: center; gap: 10px; padding: 18px 0 16px; }
h1 { font-size: 19px; letter-spacing: -.015em; }
.logo { width: 30px; height: 30px; flex: none; }
.logo rect { fill: light-dark(#0d8074, #0f8f82); }
.logo path { fill: none; stroke: #fff; stroke-width: 3.2; stroke-linecap: round; }
.spacer { flex: 1; } .break { display: none; }
.uptime b { font-weight: 500; color: var(--text); }
.pill {
  display: inline-flex; align-items: center; justify-content: center; gap: 7px; min-width: 92px; padding: 2px 11px 2px 9px;
  border-radius: 99px; background: var(--sunken); font-weight: 550; font-size: 13px; color: var(--muted);
}
.pill::before { content: ""; flex: none; width: 10px; height: 10px; border-radius: 50%; background: currentColor; }
.pill.warn::before { border-radius: 0; clip-path: polygon(50% 4%, 100% 96%, 0 96%); }
.pill.bad::before { border-radius: 0; clip-path: polygon(22% 0, 50% 28%, 78% 0, 100% 22%, 72% 50%, 100% 78%, 78% 100%, 50% 72%, 22% 100%, 0 78%, 28% 50%, 0 22%); }
.pill.lost::before { background: none; border: 2px dashed currentColor; }
.pill.good { color: var(--teal); } .pill.warn { color: var(--amber); } .pill.bad { color: var(--red); } .pill.lost { color: var(--text); }
#state.warn, #state.bad { color: var(--page); } #state.warn { background: var(--amber); } #state.bad { background: var(--red); }
#state.lost { background: var(--page); outline: 2px dashed var(--muted); }
button {
  padding: 5px 12px; border: 1px solid var(--line); border-radius: 8px; cursor: pointer;
  background: var(--panel); color: inherit; font: inherit; font-size: 13px;
}
button:hover { border-color: var(--grey); }
#pause { min-width: 76px; } #theme { min-width: 108px; }
button[aria-pressed=true] { border-color: var(--amber); color: var(--amber); }
.notice { margin: 0 0 14px; padding: 9px 14px; border-radius: 10px; border: 1px solid; color: var(--red); background: var(--panel); overflow-wrap: anywhere; }
.notice.warn { color: var(--amber); } .notice.lost { color: var(--text); border: 2px dashed var(--muted); }
ul.notice { list-style: none; display: grid; gap: 4px; } ul.notice[hidden] { display: none; }

main { display: grid; grid-template-columns: repeat(12, minmax(0, 1fr)); gap: 14px; }
main > * { grid-column: 1 / -1; }
.half { grid-column: span 6; } .wide { grid-column: span 7; } .narrow { grid-column: span 5; }
/* Not by opacity: what is old can still be read. */
.stale main { filter: grayscale(1); } .stale .panel, .stale .tile { border-style: dashed; box-shadow: none; }
.panel, .tile { background: var(--panel); border: 1px solid var(--line); border-radius: 12px; box-shadow: var(--shadow); }
.panel { padding: 14px 18px 16px; min-width: 0; }
h2 { font-size: 14px; font-weight: 600; letter-spacing: -.005em; }
.panel > h2 { margin-bottom: 10px; }
h2 small { font-weight: 400; font-size: 12.5px; margin-left: 4px; }
h3 { font-size: 12.5px; font-weight: 500; margin: 12px 0 6px; }
h2 + h3 { margin-top: 0; }

.tiles { display: grid; grid-template-columns: repeat(6, minmax(0, 1fr)); gap: 14px; }
.tile { padding: 12px 16px; --hue: var(--grey); }
.tile.blue { --hue: var(--blue); } .tile.teal { --hue: var(--teal); } .tile.violet { --hue: var(--violet); } .tile.alert { --hue: var(--red); }
.tile h2 { display: flex; align-items: center; gap: 7px; font-weight: 500; font-size: 13px; color: var(--muted); white-space: nowrap; }
.tile h2::before { content: ""; width: 8px; height: 8px; border-radius: 50%; background: var(--hue); }
.tile.alert p b { color: var(--red); }
.tile p { font-size: 27px; line-height: 1.3; white-space: nowrap; letter-spacing: -.02em; }
.tile p b { font-weight: 620; } .tile p i { font-style: normal; font-size: 14px; letter-spacing: 0; color: var(--muted); }
.tile small { display: block; font-size: 12.5px; overflow-wrap: anywhere; }
.tile small b { font-weight: 550; color: var(--text); }

.blue { --hue: var(--blue); } .teal { --hue: var(--teal); } .violet { --hue: var(--violet); }
.amber { --hue: var(--amber); } .red { --hue: var(--red); } .grey { --hue: var(--grey); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; padding: 0; list-style: none; font-size: 12.5px; color: var(--muted); }
.legend li { display: flex; align-items: baseline; gap: 6px; white-space: nowrap; }
.legend li::before { content: ""; width: 9px; height: 9px; border-radius: 3px; background: var(--hue); }
.legend b { display: inline-block; min-width: 8ch; font-weight: 600; color: var(--text); }
.legend .at { margin-left: auto; } .legend.lines .at::before { content: none; }
.canvas { position: relative; height: 150px; margin: 8px 0 20px 46px; border-radius: 4px; touch-action: pan-y; }
.canvas svg { display: block; width: 100%; height: 100%; overflow: visible; }
.grid { stroke: var(--line); stroke-width: 1; shape-rendering: crispEdges; }
.legend.lines li::before { width: 18px; height: 0; align-self: center; border-radius: 0; background: none; border-top: 3px solid var(--hue); }
.legend.lines .dashed::before { border-top-style: dashed; } .legend.lines .dotted::before { border-top-style: dotted; }
.curve.dashed { stroke-dasharray: 6 4; } .curve.dotted { stroke-dasharray: .1 4; stroke-width: 2.5; }
.curve { fill: none; stroke: var(--hue); stroke-width: 1.75; stroke-linejoin: round; stroke-linecap: round; }
.area { fill: var(--hue); opacity: .13; }
.cursor { stroke: var(--muted); stroke-dasharray: 3 3; }
.axis { position: absolute; font-size: 11.5px; color: var(--muted); white-space: nowrap; pointer-events: none; }
.axis.y { right: 100%; margin-right: 8px; transform: translateY(-50%); } .axis.x { top: 100%; margin-top: 4px; transform: translateX(-50%); }
.axis.x:first-of-type { transform: none; } .axis.x.last { transform: translateX(-100%); }

.bar { display: flex; gap: 2px; height: 14px; border-radius: 7px; overflow: hidden; background: var(--sunken); }
.bar span { min-width: 4px; flex: 0 1 auto; transition: width .4s; }
.split .legend { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)); margin-top: 8px; }
.split .legend li { display: grid; grid-template-columns: 14px auto 1fr; column-gap: 7px; align-items: baseline; white-space: normal; }
.split .legend li::before { content: none; }
.split .legend i { width: 14px; height: 14px; border-radius: 3px; align-self: center; }
.split .legend span { grid-column: 2 / -1; } .split .legend b { grid-column: 2; min-width: 0; font-size: 15px; }

.upstreams { list-style: none; padding: 0; display: grid; gap: 10px; }
.upstreams li { padding: 10px 14px; border-radius: 9px; background: var(--sunken); }
.upstreams .addresses { list-style: none; padding: 0; display: grid; gap: 3px; font-size: 12.5px; color: var(--muted); }
.upstreams .addresses li { display: flex; flex-wrap: wrap; gap: 2px 14px; align-items: baseline; padding: 4px 0 0; border-top: 1px solid var(--line); border-radius: 0; }
.upstreams p.name { color: var(--muted); overflow-wrap: anywhere; } .addresses b { font-weight: 550; color: var(--text); overflow-wrap: anywhere; }
.upstreams .top { display: flex; align-items: center; gap: 10px; }
.upstreams .top b { overflow-wrap: anywhere; } .upstreams .pill { background: var(--panel); min-width: 84px; margin-left: auto; }
.numbers { display: grid; grid-template-columns: repeat(5, minmax(0, 1fr)); gap: 2px 12px; margin-top: 6px; font-size: 12.5px; color: var(--muted); }
.numbers b { display: block; font-size: 14px; font-weight: 550; color: var(--text); white-space: nowrap; }
.trouble { min-height: 1.45em; margin: 7px 0 5px; font-size: 12.5px; color: var(--red); overflow-wrap: anywhere; }
.trouble.past { color: var(--muted); }

table { width: 100%; border-collapse: collapse; table-layout: fixed; }
th { text-align: left; font-weight: 500; font-size: 12.5px; padding: 0 10px 6px 0; border-bottom: 1px solid var(--line); }
td { padding: 6px 10px 6px 0; border-bottom: 1px solid var(--line); white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
tbody tr:last-child td { border-bottom: 0; }
tbody tr:hover { background: var(--sunken); }
.name { font-family: var(--mono); font-size: 12.5px; }
.routes td:nth-child(3), .routes td:nth-child(1) { white-space: normal; overflow-wrap: anywhere; }
.routes th:nth-child(n+4), .routes td:nth-child(n+4) { text-align: right; }
.routes th:nth-child(1) { width: 22%; } .routes th:nth-child(2) { width: 9%; } .routes th:nth-child(3) { width: 12%; }
tr.idle td { color: var(--muted); }
td.hot { color: var(--red); font-weight: 600; }
.scroll { height: 372px; overflow-y: auto; margin: 0 -6px; padding: 0 6px; }
.scroll thead th { position: sticky; top: 0; background: var(--panel); z-index: 1; }
.last th:nth-child(1) { width: 10ch; } .last th:nth-child(2) { width: 7ch; }
.last th:nth-child(4) { width: 17ch; } .last th:nth-child(5) { width: 17ch; } .last th:nth-child(6) { width: 10ch; }
.last:not(.errors) :is(th, td):nth-child(6) { text-align: right; }
.last.errors th:nth-child(4) { width: 42%; }
.last td:nth-child(1) { color: var(--muted); }
.status { font-weight: 600; color: var(--hue); }
.tag { display: inline-block; padding: 0 8px; border-radius: 6px; font-size: 12.5px; background: var(--sunken); }
.tag .key { display: inline-block; width: 11px; height: 11px; margin-right: 6px; border-radius: 2px; vertical-align: -1px; }
tr.empty td { color: var(--muted); padding: 14px 0; white-space: normal; } tr.empty:hover { background: none; }
tr.new { animation: arrive 1.6s ease-out; }
@keyframes arrive { from { background: color-mix(in srgb, var(--teal) 12%, transparent); } }

.facts { display: grid; grid-template-columns: repeat(6, minmax(0, auto)); gap: 10px 28px; justify-content: start; }
.facts dt { font-size: 12.5px; } .facts dd { overflow-wrap: anywhere; min-height: 1.45em; }
.facts .bad { color: var(--red); font-weight: 600; } .facts .good { color: var(--teal); }
.problems { margin-top: 10px; padding: 0; list-style: none; color: var(--red); overflow-wrap: anywhere; }
.problems li { padding: 2px 0; }
.problems:empty { display: none; }
footer { margin-top: 18px; } nav { display: flex; gap: 18px; } a { color: var(--muted); } a:hover { color: var(--text); }

@media (max-width: 1080px) {
  .tiles { grid-template-columns: repeat(3, minmax(0, 1fr)); }
  .wide, .narrow { grid-column: 1 / -1; }
  .facts { grid-template-columns: repeat(3, minmax(0, auto)); }
}
@media (max-width: 860px) {
  .half { grid-column: 1 / -1; }
}
@media (max-width: 720px) {
  body { padding: 0 12px 24px; }
  header { flex-wrap: wrap; gap: 8px; padding: 14px 0 12px; }
  #state { margin-left: auto; white-space: normal; } .break { display: block; flex-basis: 100%; }
  main, .tiles { gap: 10px; }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .tile { padding: 9px 13px; } .tile p { font-size: 23px; }
  .panel { padding: 12px 14px 14px; }
  .legend { gap: 4px 12px; } .legend b { min-width: 6ch; }
  .split .legend { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .numbers { grid-template-columns: repeat(3, minmax(0, 1fr)); }
  .facts { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  button { padding: 8px 12px; }
  /* Rows become cards: a table of eleven columns has no place here, and nobody scrolls sideways gladly. */
  .routes thead, .last thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .routes, .routes tbody, .last, .last tbody { display: block; }
  .routes tr { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 5px 8px; padding: 9px 0; border-bottom: 1px solid var(--line); }
  .routes tr:last-child, .last tr:last-child { border-bottom: 0; }
  .routes td, .last td { border: 0; padding: 0; white-space: normal; overflow: visible; overflow-wrap: anywhere; }
  .routes td:nth-child(n) { text-align: left; } .routes td:nth-child(1) { grid-column: 1 / -2; font-weight: 600; }
  .routes td:nth-child(2) { text-align: right; } .routes td:nth-child(3) { grid-column: 1 / -1; order: 1; }
  .routes td:nth-child(n+3)::before { content: attr(data-label); display: block; font-size: 11.5px; font-weight: 400; color: var(--muted); }
  .last tr { display: grid; grid-template-columns: 9ch 5ch minmax(0, 1fr) auto; gap: 1px 8px; padding: 7px 0; border-bottom: 1px solid var(--line); align-items: baseline; }
  .last td:nth-child(3) { grid-column: 3 / -1; } .last td:nth-child(4) { grid-column: 3; } .last td:nth-child(5) { grid-column: 1 / 3; grid-row: 2; color: var(--muted); font-size: 12.5px; }
  .last td:nth-child(6) { grid-column: 4; grid-row: 2; white-space: nowrap; }
  .last.errors td:nth-child(4) { grid-column: 1 / -1; }
  tr.empty { display: block !important; }
}
@media (prefers-reduced-motion: reduce) {
  tr.new { animation: none; } .bar span { transition: none; }
}
${PALETTE}`;
