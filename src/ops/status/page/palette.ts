/**
 * Style: a colour and a pattern for each key of a bar.
 *
 * The colours were found by computing: any two of them differ by 24 or more (CIE 1976) for full colour vision and for protanopia,
 * deuteranopia and tritanopia, and each has a contrast of 3:1 or more to the panels (WCAG 2.2, 1.4.11). Ten colours cannot differ
 * that much in grey, so neighbours in a bar differ by their pattern too. test/behaviour/status-page-look.test.ts measures both.
 */

export const PALETTE: string = String.raw`
.key { --fill: light-dark(#5c6773, #a0aab5); background-color: var(--fill); }
.head-convert, .body-aborted { --fill: light-dark(#2d9b6d, #1cb8aa); }
.head-native { --fill: light-dark(#a967c8, #4e73fa); }
.head-fallback { --fill: light-dark(#761e04, #fe9527); }
.head-pass, .body-drained { --fill: light-dark(#310ac8, #f190ff); }
.head-observe { --fill: light-dark(#6f0f91, #b33ca7); }
.head-reject, .body-none { --fill: light-dark(#7f7e98, #57765b); }
.head-probed { --fill: light-dark(#225447, #a3b172); }
.head-shared { --fill: light-dark(#636bf7, #fbd6ff); }
.head-failed { --fill: light-dark(#ef4b29, #ce441d); }
.head-none { --fill: light-dark(#3e2d59, #caf2cd); }
.head-native, .head-probed, .body-drained { background-image: repeating-linear-gradient(45deg, transparent 0 4px, var(--panel) 4px 5.2px); }
.head-fallback, .head-reject, .body-none { background-image: repeating-linear-gradient(-45deg, transparent 0 4px, var(--panel) 4px 5.2px); }
.head-pass, .head-none { background-image: repeating-linear-gradient(90deg, transparent 0 4px, var(--panel) 4px 5.2px); }
.head-observe, .head-shared { background-image: radial-gradient(var(--panel) 1.1px, transparent 1.4px); background-size: 5px 5px; }
`;
