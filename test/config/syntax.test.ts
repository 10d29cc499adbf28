/**
 * Symptom: an unclosed quote was reported at the end of the file, an unclosed bracket at the next setting, a wrong indent as "nested
 * mappings are not allowed in compact mappings", each in a YAML parser's words. Root cause: the YAML package's errors were printed
 * unchanged, and their places are where the parser gives up. Fix: a text that cannot be parsed is read once more, line by line, to find
 * where the mistake was made.
 */

import assert from "node:assert/strict";
import test from "node:test";
import { loadText, messageOf, problemsOf } from "../support/route-file.ts";

/** Invalid files, and the printed error for each. */
const WRONG: readonly (readonly [text: string, printed: string])[] = [
  [
    `upstream: http://127.0.0.1:8000
listen: ":8080
admin: off
`,
    `f.yaml:2:9: this double quote is not closed: put another at the end of the value
  2 | listen: ":8080
    |         ^
  3 | admin: off
    | - still inside the quotes`,
  ],
  [
    `upstream: http://127.0.0.1:8000
listen: ":8080
admin: "off"
`,
    `f.yaml:2:9: this double quote is not closed: put another at the end of the value
  2 | listen: ":8080
    |         ^
  3 | admin: "off"
    |        - ends here instead`,
  ],
  [
    `upstream: http://127.0.0.1:8000
listen: ':8080
admin: off
`,
    `f.yaml:2:9: this single quote is not closed: put another at the end of the value
  2 | listen: ':8080
    |         ^
  3 | admin: off
    | - still inside the quotes`,
  ],
  [
    `upstream: http://127.0.0.1:8000
listen: ":8080`,
    `f.yaml:2:9: this double quote is not closed: put another at the end of the value
  2 | listen: ":8080
    |         ^`,
  ],
  [
    `upstream:
  url: "http://a
  keepAlive: "4s"
`,
    `f.yaml:2:8: this double quote is not closed: put another at the end of the value
  2 |   url: "http://a
    |        ^
  3 |   keepAlive: "4s"
    |              - ends here instead`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  - { path: "/a, host: "b.c" }
  - { path: /b }
`,
    `f.yaml:3:13: this double quote is not closed: put another at the end of the value
  3 |   - { path: "/a, host: "b.c" }
    |             ^          - ends here instead`,
  ],
  [
    `upstream: http://127.0.0.1:8000
forwarded:
  trust:
    - "10.0.0.0/8
    - 127.0.0.1
`,
    `f.yaml:4:7: this double quote is not closed: put another at the end of the value
  4 |     - "10.0.0.0/8
    |       ^
  5 |     - 127.0.0.1
    |     - still inside the quotes`,
  ],
  [
    `upstream: http://127.0.0.1:8000
"listen: :80
`,
    `f.yaml:2:1: this double quote is not closed: put another at the end of the value
  2 | "listen: :80
    | ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
listen: :8080"
`,
    `f.yaml:2:9 listen: ":8080"" is not an address such as 0.0.0.0:8080, :8080, unix:/path or fd:3: the opening quote is missing
  2 | listen: :8080"
    |         ^^^^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  - path: /a
    name: 'it's'
`,
    `f.yaml:4:14: a single quote within single quotes is written twice
  4 |     name: 'it's'
    |              ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  - path: "/a"/b
`,
    `f.yaml:3:11: more text follows the quoted one: put all of it in one pair of quotes
  3 |   - path: "/a"/b
    |           ^^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  - path: "/\\d+"
`,
    `f.yaml:3:13: a backslash in double quotes is written twice, or the value stands in single quotes
  3 |   - path: "/\\d+"
    |             ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
forwarded: { trust: [10.0.0.0/8 }
`,
    `f.yaml:2:21: this [ is not closed: a ] is missing
  2 | forwarded: { trust: [10.0.0.0/8 }
    |                     ^           - } comes first`,
  ],
  [
    `upstream: http://127.0.0.1:8000
head:
  fallbackOn: [405, 501
  mode: auto
admin: off
`,
    `f.yaml:3:15: this [ is not closed: a ] is missing
  3 |   fallbackOn: [405, 501
    |               ^
  4 |   mode: auto
    |   - still inside`,
  ],
  [
    `upstream: http://127.0.0.1:8000
log: { access: all
admin: off
`,
    `f.yaml:2:6: this { is not closed: a } is missing
  2 | log: { access: all
    |      ^
  3 | admin: off
    | - still inside`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  - { path: /a, head: pass
  - { path: /b }
  - { path: /c }
`,
    `f.yaml:3:5: this { is not closed: a } is missing
  3 |   - { path: /a, head: pass
    |     ^
  4 |   - { path: /b }
    |   - still inside`,
  ],
  [
    `upstream: http://127.0.0.1:8000
head: { mode: pass
`,
    `f.yaml:2:7: this { is not closed: a } is missing
  2 | head: { mode: pass
    |       ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  - { path: /a, head: { mode: pass }
  - { path: /b }
`,
    `f.yaml:3:5: this { is not closed: a } is missing
  3 |   - { path: /a, head: { mode: pass }
    |     ^
  4 |   - { path: /b }
    |   - still inside`,
  ],
  [
    `upstream: http://127.0.0.1:8000
head: { fallbackOn: [405} }
`,
    `f.yaml:2:21: this [ is not closed: a ] is missing
  2 | head: { fallbackOn: [405} }
    |                     ^   - } comes first`,
  ],
  [
    `upstream: http://127.0.0.1:8000
head: { fallbackOn: [405]] }
`,
    `f.yaml:2:26: this ] has no [ before it
  2 | head: { fallbackOn: [405]] }
    |                          ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
log: { access: all }}
`,
    `f.yaml:2:21: this } has no { before it
  2 | log: { access: all }}
    |                     ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  - path: /a, head: pass }
`,
    `f.yaml:3:26: this } has no { before it
  3 |   - path: /a, head: pass }
    |                          ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
forwarded:
  trust: 10.0.0.0/8, 127.0.0.1]
`,
    `f.yaml:3:10 forwarded.trust: must be a list of addresses and ranges, not text: the opening [ is missing
  3 |   trust: 10.0.0.0/8, 127.0.0.1]
    |          ^^^^^^^^^^^^^^^^^^^^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
listen: [::]:8080
`,
    `f.yaml:2:9: put it in quotes: what begins with [ is read as a list
  2 | listen: [::]:8080
    |         ^^^^^^^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
listen: { address: [::]:8080 }
`,
    `f.yaml:2:20: put it in quotes: what begins with [ is read as a list
  2 | listen: { address: [::]:8080 }
    |                    ^^^^^^^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes: [{ path: /users/{id} }]
`,
    `f.yaml:2:25: between brackets or braces a value with { or [ in it must stand in quotes
  2 | routes: [{ path: /users/{id} }]
    |                         ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  - path: {id}/x
`,
    `f.yaml:3:11: put it in quotes: what begins with { is read as a mapping
  3 |   - path: {id}/x
    |           ^^^^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  - { path: /x[0-9] }
`,
    `f.yaml:3:15: between brackets or braces a value with { or [ in it must stand in quotes
  3 |   - { path: /x[0-9] }
    |               ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  - { path: /a head: pass }
`,
    `f.yaml:3:16: a comma is missing before this
  3 |   - { path: /a head: pass }
    |                ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes: [
  { path: /a }
  { path: /b }
]
`,
    `f.yaml:4:3: a comma is missing before this
  2 | routes: [
    |         - inside this [
   ...
  4 |   { path: /b }
    |   ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
forwarded: { trust: ["10.0.0.0/8" "127.0.0.1"] }
`,
    `f.yaml:2:35: a comma is missing before this
  2 | forwarded: { trust: ["10.0.0.0/8" "127.0.0.1"] }
    |                                   ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes: [
{ path: /a },
{ path: /b }
]
`,
    `f.yaml:3:1: this line is inside the [ and must be indented more than the setting that it belongs to
  2 | routes: [
    |         - inside this
  3 | { path: /a },
    | ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
head:
\tmode: pass
`,
    `f.yaml:3:1: a tab indents this line: YAML takes spaces only
  3 |  mode: pass
    | ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  - path: /a
  \thead: pass
`,
    `f.yaml:4:3: a tab indents this line: YAML takes spaces only
  4 |    head: pass
    |   ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
head:
\u00a0\u00a0mode: pass
  drain: {}
`,
    `f.yaml:3:1: this is no plain space, but one that looks like it: type it anew
  3 | \u00a0\u00a0mode: pass
    | ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  - path: /a
      head: pass
`,
    `f.yaml:4:7: this line is indented too far: the key above has its value already, so begin in column 5
  3 |   - path: /a
    |     - in line with this
  4 |       head: pass
    |       ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
  listen: :8080
`,
    `f.yaml:2:3: this line is indented too far: the key above has its value already, so begin in column 1
  1 | upstream: http://127.0.0.1:8000
    | - in line with this
  2 |   listen: :8080
    |   ^`,
  ],
  [
    `  upstream: http://a
listen: :8080
admin: off
`,
    `f.yaml:1:3: this line is indented, and the next one is not
  1 |   upstream: http://a
    |   ^
  2 | listen: :8080
    | - the same level`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  - path: /a
   head: pass
`,
    `f.yaml:4:4: this line is indented by 3 spaces, the lines above it by 0, 2 or 4: line it up with one of them
  3 |   - path: /a
    |     - indented by 4 spaces
  4 |    head: pass
    |    ^`,
  ],
  [
    `upstream:
    url: http://a
  keepAlive: 4s
`,
    `f.yaml:3:3: this line is indented by 2 spaces, the lines above it by 0 or 4: line it up with one of them
  2 |     url: http://a
    |     - indented by 4 spaces
  3 |   keepAlive: 4s
    |   ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  - path: /a
  head: pass
`,
    `f.yaml:4:3: a key cannot stand among list items: begin it in column 5 to make it part of the item above, or with a dash to make it another item
  3 |   - path: /a
    |   - the other items
  4 |   head: pass
    |   ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  - path: /a
    - path: /b
`,
    `f.yaml:4:5: a list item cannot stand among keys: begin it in line with the other items, or leave the dash out
  3 |   - path: /a
    |     - the other keys
  4 |     - path: /b
    |     ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  - path: /a
 - path: /b
`,
    `f.yaml:4:2: this line is indented by 1 space, the lines above it by 0, 2 or 4: line it up with one of them
  3 |   - path: /a
    |   - indented by 2 spaces
  4 |  - path: /b
    |  ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  path: /a
`,
    `f.yaml:3:3 routes: must be a list of routes, not a mapping: each route begins with a dash, as in "- path: /health"
  3 |   path: /a
    |   ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  - path: /a
  path: /b
`,
    `f.yaml:4:3: a key cannot stand among list items: begin it in column 5 to make it part of the item above, or with a dash to make it another item
  3 |   - path: /a
    |   - the other items
  4 |   path: /b
    |   ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  -path: /a
`,
    `f.yaml:3:3 routes: must be a list of routes, not a mapping: a space is missing after the dash
  3 |   -path: /a
    |   ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  - path: /a
  -path: /b
`,
    `f.yaml:4:3: a key cannot stand among list items: begin it in column 5 to make it part of the item above, or with a dash to make it another item
  3 |   - path: /a
    |   - the other items
  4 |   -path: /b
    |   ^`,
  ],
  [
    `upstream:http://127.0.0.1:8000
`,
    `f.yaml:1:9: a space is missing after this colon
  1 | upstream:http://127.0.0.1:8000
    |         ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
listen::8080
admin: off
`,
    `f.yaml:2:7: a space is missing after this colon
  2 | listen::8080
    |       ^`,
  ],
  [
    `upstream:http://127.0.0.1:8000
listen: :80
`,
    `f.yaml:1:9: a space is missing after this colon
  1 | upstream:http://127.0.0.1:8000
    |         ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  - path:/a
    head: pass
`,
    `f.yaml:3:9: a space is missing after this colon
  3 |   - path:/a
    |         ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
log: {access:all}
`,
    `f.yaml:2:7 log.access:all: is not a known key: a space is missing after the colon
  2 | log: {access:all}
    |       ^^^^^^^^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  - path: /a
    name: a: b
`,
    `f.yaml:4:11: a second key stands on this line: begin it on a line of its own, or put the value in quotes
  4 |     name: a: b
    |           ^^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  - path: /a head: pass
`,
    `f.yaml:3:11: a second key stands on this line: begin it on a line of its own, or put the value in quotes
  3 |   - path: /a head: pass
    |           ^^^^^^^^^^^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
listen :8080
admin: off
`,
    `f.yaml:2:1: a colon is missing after this word, as in "listen: …"
  2 | listen :8080
    | ^^^^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes
  - path: /a
`,
    `f.yaml:2:1: a colon is missing after this key
  2 | routes
    | ^^^^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
listen = :8080
`,
    `f.yaml:2:8: a key and its value are separated by a colon and a space, not by =
  2 | listen = :8080
    |        ^`,
  ],
  [
    `listen 8080;
proxy_pass http://a;
`,
    `f.yaml:1:1: a colon is missing after this word, as in "listen: …"; and a line ends without ;
  1 | listen 8080;
    | ^^^^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes: - path: /a
`,
    `f.yaml:2:9: a list begins on a line of its own: put the dash below the key
  2 | routes: - path: /a
    |         ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  - path: /a
    host: *.example.com
`,
    `f.yaml:4:11 routes[0].host: a value that begins with * must stand in quotes
  4 |     host: *.example.com
    |           ^^^^^^^^^^^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  - path: /a
    host: *
`,
    `f.yaml:4:11: a value that begins with * must stand in quotes
  4 |     host: *
    |           ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
listen: *:8080
`,
    `f.yaml:2:9 listen: a value that begins with * must stand in quotes
  2 | listen: *:8080
    |         ^^^^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  - path: @x
`,
    `f.yaml:3:11: a text cannot begin with @: put it in quotes
  3 |   - path: @x
    |           ^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  - path: \`/x\`
`,
    `f.yaml:3:11: a text cannot begin with \`: put it in quotes
  3 |   - path: \`/x\`
    |           ^^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  - path: %2F
`,
    `f.yaml:3:11: a text cannot begin with %: put it in quotes
  3 |   - path: %2F
    |           ^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  - path: &x
`,
    `f.yaml:3:13 routes[0].path: a value that begins with & must stand in quotes
  3 |   - path: &x
    |             ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
listen: !secret x
`,
    `f.yaml:2:9: what begins with ! is a tag, and headgate knows none: leave it out, or put the value in quotes
  2 | listen: !secret x
    |         ^^^^^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
listen: |:8080
`,
    `f.yaml:2:9: a value that begins with | must stand in quotes
  2 | listen: |:8080
    |         ^^^^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
---
upstream: http://127.0.0.1:8000
`,
    `f.yaml:2:1: a second document begins here; the route file is one document
  2 | ---
    | ^`,
  ],
  [
    `\ufeffupstream: http://127.0.0.1:8000
lisen: :80
`,
    `f.yaml:2:1 lisen: is not a known key; did you mean "listen"?
  2 | lisen: :80
    | ^^^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
listen: ":80\u000080"
`,
    `f.yaml:2:13: the file holds a NUL character: it is no text file, or was damaged
  2 | listen: ":80�80"
    |             ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000\r
listen: ":8080\r
admin: off\r
`,
    `f.yaml:2:9: this double quote is not closed: put another at the end of the value
  2 | listen: ":8080
    |         ^
  3 | admin: off
    | - still inside the quotes`,
  ],
  [
    `upstream: http://127.0.0.1:8000\rlisten: :8080\r`,
    `f.yaml:1:32: this line ends with CR alone: save the file with LF at the ends of lines
  1 | upstream: http://127.0.0.1:8000�listen: :8080�
    |                                ^`,
  ],
  [
    ``,
    `f.yaml:1:1: the file is empty
  1 | 
    | ^`,
  ],
  [
    `# nothing
`,
    `f.yaml:1:1: the file holds nothing but comments
  1 | # nothing
    | ^`,
  ],
  [
    `~
`,
    `f.yaml:1:1: the file is empty
  1 | ~
    | ^`,
  ],
  [
    `a
`,
    `f.yaml:1:1: a colon is missing after this key
  1 | a
    | ^`,
  ],
  [
    `{
  "upstream": "http://a"
  "listen": ":80"
}
`,
    `f.yaml:3:3: a comma is missing before this
  1 | {
    | - inside this {
   ...
  3 |   "listen": ":80"
    |   ^`,
  ],
  [
    `{
  "upstream": {
    "url": "http://a"
  ,
  "listen": ":80"
}
`,
    `f.yaml:2:15: this { is not closed: a } is missing
  2 |   "upstream": {
    |               ^`,
  ],
  [
    `{
  // the app
  "upstream": "http://a"
}
`,
    `f.yaml:1:1 upstream: is missing: say where requests go, by upstream in the route file, --upstream or HEADGATE_UPSTREAM
  1 | {
    | ^
f.yaml:2:3 // the app "upstream": is not a known key: a comment begins with #
  2 |   // the app
    |   ^^^^^^^^^^`,
  ],
  [
    `// the app
upstream: http://127.0.0.1:8000
`,
    `f.yaml:1:1: a comment begins with #
  1 | // the app
    | ^`,
  ],
  [
    `    upstream: http://a
    lisen: :8080
`,
    `f.yaml:2:5 lisen: is not a known key; did you mean "listen"?
  2 |     lisen: :8080
    |     ^^^^^`,
  ],
  [
    `upstream: http://a
    listen: :8080
    admin: off
`,
    `f.yaml:2:5: this line is indented too far: the key above has its value already, so begin in column 1
  1 | upstream: http://a
    | - in line with this
  2 |     listen: :8080
    |     ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
listen: “:8080”
`,
    `f.yaml:2:9 listen: "“:8080”" is not an address such as 0.0.0.0:8080, :8080, unix:/path or fd:3: these quotes are typographic, write plain ones
  2 | listen: “:8080”
    |         ^^^^^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
“listen”: ":8080"
`,
    `f.yaml:2:1 “listen”: is not a known key; did you mean "listen"?
  2 | “listen”: ":8080"
    | ^^^^^^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
listen: :1
admin: off
listen: :2
`,
    `f.yaml:4:1 listen: is written twice
  2 | listen: :1
    | ------ the first one
   ...
  4 | listen: :2
    | ^^^^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
<<<<<<< HEAD
listen: :1
=======
listen: :2
>>>>>>> x
`,
    `f.yaml:2:1: the file holds a merge conflict that was not resolved
  2 | <<<<<<< HEAD
    | ^^^^^^^^^^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
listen: {{ .Values.listen }}
`,
    `f.yaml:2:9 listen: this is a template: check what the template tool makes of it
  2 | listen: {{ .Values.listen }}
    |         ^^^^^^^^^^^^^^^^^^^^`,
  ],
  [
    `{{- if .Values.x }}
upstream: http://127.0.0.1:8000
{{- end }}
`,
    `f.yaml:1:1: this is a template: check what the template tool makes of it
  1 | {{- if .Values.x }}
    | ^^^^^^^^^^^^^^^^^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
upstreams: { 80: http://a }
`,
    `f.yaml:2:14 upstreams: a key must be text: put it in quotes
  2 | upstreams: { 80: http://a }
    |              ^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
listen: ":80"# x
`,
    `f.yaml:2:14: a comment needs a space before its #
  2 | listen: ":80"# x
    |              ^`,
  ],
  [
    `"upstream: http://a\\nlisten: :80"
`,
    `f.yaml:1:1: this line is neither a key with a colon nor a list item with a dash
  1 | "upstream: http://a\\nlisten: :80"
    | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^`,
  ],
  [
    `apiVersion: v1
kind: ConfigMap
data:
  headgate.yaml: |
    upstream: http://a
`,
    `f.yaml:1:1 apiVersion: is not a known key: this is a Kubernetes manifest, the route file is a text in its data
  1 | apiVersion: v1
    | ^^^^^^^^^^
f.yaml:1:1 upstream: is missing: say where requests go, by upstream in the route file, --upstream or HEADGATE_UPSTREAM
  1 | apiVersion: v1
    | ^
f.yaml:2:1 kind: is not a known key
  2 | kind: ConfigMap
    | ^^^^
f.yaml:3:1 data: is not a known key
  3 | data:
    | ^^^^`,
  ],
  [
    `<!DOCTYPE html>
<html><body>Not found</body></html>
`,
    `f.yaml:1:1: this line is neither a key with a colon nor a list item with a dash
  1 | <!DOCTYPE html>
    | ^^^^^^^^^^^^^^^`,
  ],
  [
    `upstream = "http://a"
[log]
access = "all"
`,
    `f.yaml:1:10: a key and its value are separated by a colon and a space, not by =
  1 | upstream = "http://a"
    |          ^`,
  ],
  [
    `{
  "upstream": {
    "url": "http://a",
  "listen": ":80"
}
`,
    `f.yaml:2:15: this { is not closed: a } is missing
  2 |   "upstream": {
    |               ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
forwarded:
  trust:
    - 10.0.0.0/8
    - *
`,
    `f.yaml:5:7: a value that begins with * must stand in quotes
  5 |     - *
    |       ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  - path: /a
    head:
    mode: pass
   options: reply
`,
    `f.yaml:6:4: this line is indented by 3 spaces, the lines above it by 0, 2 or 4: line it up with one of them
  5 |     mode: pass
    |     - indented by 4 spaces
  6 |    options: reply
    |    ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  -\tpath: /a
  \thead: pass
`,
    `f.yaml:3:4: a tab indents this line: YAML takes spaces only
  3 |   - path: /a
    |    ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
listen: ":8080”
`,
    `f.yaml:2:9: this double quote is not closed: put another at the end of the value
  2 | listen: ":8080”
    |         ^`,
  ],
  [
    `upstream: http://user:s3cret@app:8000
`,
    `f.yaml:1:11 upstream: must not hold a user or a password: headgate does not log in
  1 | upstream: http://***********@app:8000
    |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^`,
  ],
  [
    `upstream: { url: "http://user:s3cret@app:8000 }
`,
    `f.yaml:1:18: this double quote is not closed: put another at the end of the value
  1 | upstream: { url: "http://***********@app:8000 }
    |                  ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes: [
  { path: "/a, head: pass },
  { path: "/b", head: pass },
]
`,
    `f.yaml:3:11: this double quote is not closed: put another at the end of the value
  3 |   { path: "/a, head: pass },
    |           ^
  4 |   { path: "/b", head: pass },
    |           - ends here instead`,
  ],
  [
    `upstream:
  url:http://a
  keepAlive: 4s
`,
    `f.yaml:2:6: a space is missing after this colon
  2 |   url:http://a
    |      ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
forwarded:
  trust:
    10.0.0.0/8
    - 127.0.0.1
`,
    `f.yaml:4:5 forwarded.trust: must be a list of addresses and ranges, not text
  4 |     10.0.0.0/8
    |     ^^^^^^^^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
forwarded: { trust: [10.0.0.0/24, 10.0.1.0/24, 10.0.2.0/24, 10.0.3.0/24, 10.0.4.0/24, 10.0.5.0/24, 10.0.6.0/24, 10.0.7.0/24, 10.0.8.0/24, 10.0.9.0/24, 10.0.10.0/24, 10.0.11.0/24, 10.0.12.0/24, 10.0.13.0/24, 10.0.14.0/24, 10.0.15.0/24, 10.0.16.0/24, 10.0.17.0/24, 10.0.18.0/24, 10.0.19.0/24 }
`,
    `f.yaml:2:21: this [ is not closed: a ] is missing
  2 | forwarded: { trust: [10.0.0.0/24, 10.0.1.0/24, 10.0.2.0/24, 10.0.3.0/24, 10.0.4.0/24, 10.0.5.0/24, 1
    |                     ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
%listen: :80
`,
    `f.yaml:2:1: a text cannot begin with %: put it in quotes
  2 | %listen: :80
    | ^^^^^^^^^^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
head: { mode: @x }
`,
    `f.yaml:2:15: a text cannot begin with @: put it in quotes
  2 | head: { mode: @x }
    |               ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
head: { mode: *.x }
`,
    `f.yaml:2:15 head.mode: a value that begins with * must stand in quotes
  2 | head: { mode: *.x }
    |               ^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
head: {, mode: pass }
`,
    `f.yaml:2:8: nothing stands before this ,
  2 | head: {, mode: pass }
    |        ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
forwarded: { trust: [- 10.0.0.0/8] }
`,
    `f.yaml:2:22: between brackets or braces commas separate the items, not dashes
  2 | forwarded: { trust: [- 10.0.0.0/8] }
    |                      ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  - path: *web api
`,
    `f.yaml:3:11: a value that begins with * must stand in quotes
  3 |   - path: *web api
    |           ^^^^^^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
}listen: :80
`,
    `f.yaml:2:1: this } has no { before it
  2 | }listen: :80
    | ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
forwarded:
  trust: [
    10.0.0.0/8
]
`,
    `f.yaml:5:1: this line is inside the [ and must be indented more than the setting that it belongs to
  3 |   trust: [
    |          - inside this
   ...
  5 | ]
    | ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
log: {# quiet
  level: warn }
`,
    `f.yaml:2:7: a comment needs a space before its #
  2 | log: {# quiet
    |       ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
listen: &"a"
`,
    `f.yaml:2:13 listen: a value that begins with & must stand in quotes
  2 | listen: &"a"
    |             ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
listen: "🙂:80
admin: "off"
`,
    `f.yaml:2:9: this double quote is not closed: put another at the end of the value
  2 | listen: "🙂:80
    |         ^
  3 | admin: "off"
    |        - ends here instead`,
  ],
  [
    `upstream: http://127.0.0.1:8000
# don't
listen: ':80
`,
    `f.yaml:3:9: this single quote is not closed: put another at the end of the value
  3 | listen: ':80
    |         ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  - path: /a
    name: don't
  - path: /b
    name: 'x
`,
    `f.yaml:6:11: this single quote is not closed: put another at the end of the value
  6 |     name: 'x
    |           ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
listen: "\${A}
admin: off
`,
    `f.yaml:2:9: this double quote is not closed: put another at the end of the value
  2 | listen: "\${A}
    |         ^
  3 | admin: off
    | - still inside the quotes`,
  ],
  [
    `upstream: http://127.0.0.1:8000
forwarded:
  trust: [10.0.0.0/8,
    127.0.0.1,
  head: pass
`,
    `f.yaml:3:10: this [ is not closed: a ] is missing
  3 |   trust: [10.0.0.0/8,
    |          ^
   ...
  5 |   head: pass
    |   - still inside`,
  ],
  [
    `{ upstream: 'http://a', listen: ':80' // x
}
`,
    `f.yaml:1:39: a comma is missing before this
  1 | { upstream: 'http://a', listen: ':80' // x
    |                                       ^`,
  ],
  [
    `[headgate]
upstream=http://a
`,
    `f.yaml:2:9: a key and its value are separated by a colon and a space, not by =
  2 | upstream=http://a
    |         ^`,
  ],
  [
    `upstream:\thttp://a
listen:\t:80
lisen: x
`,
    `f.yaml:3:1 lisen: is not a known key; did you mean "listen"?
  3 | lisen: x
    | ^^^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
listen:: 80
`,
    `f.yaml:2:1 listen:: is not a known key; did you mean "listen"?
  2 | listen:: 80
    | ^^^^^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  - {path: /a}, {path: /b}
`,
    `f.yaml:3:15: nothing may follow here: several items stand in one pair of brackets
  3 |   - {path: /a}, {path: /b}
    |               ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes: {path: /a}, {path: /b}
`,
    `f.yaml:2:19: nothing may follow here: several items stand in one pair of brackets
  2 | routes: {path: /a}, {path: /b}
    |                   ^`,
  ],
  [
    `"upstream: http://127.0.0.1:8000"
`,
    `f.yaml:1:1: this line is neither a key with a colon nor a list item with a dash
  1 | "upstream: http://127.0.0.1:8000"
    | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^`,
  ],
  [
    `upstream: http://a,
listen: :80,
`,
    `f.yaml:1:11 upstream: is not a URL such as http://127.0.0.1:8000: leave the , at the end out
  1 | upstream: http://a,
    |           ^^^^^^^^^
f.yaml:2:9 listen: ":80," is not an address such as 0.0.0.0:8080, :8080, unix:/path or fd:3: leave the , at the end out
  2 | listen: :80,
    |         ^^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
log: access: all }
`,
    `f.yaml:2:18: this } has no { before it
  2 | log: access: all }
    |                  ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
head: mode: pass
`,
    `f.yaml:2:7: a second key stands on this line: begin it on a line of its own, or put the value in quotes
  2 | head: mode: pass
    |       ^^^^^^^^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
  - path: /a
  # x
   - path: /b
`,
    `f.yaml:5:4: this line is indented by 3 spaces, the lines above it by 0, 2 or 4: line it up with one of them
  3 |   - path: /a
    |     - indented by 4 spaces
   ...
  5 |    - path: /b
    |    ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
  listen: ":80"
  admin: "off"
`,
    `f.yaml:2:3: this line is indented too far: the key above has its value already, so begin in column 1
  1 | upstream: http://127.0.0.1:8000
    | - in line with this
  2 |   listen: ":80"
    |   ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes: [
  { path: /a, head: { mode: pass },
  { path: /b },
]
admin: off
`,
    `f.yaml:3:3: this { is not closed: a } is missing
  3 |   { path: /a, head: { mode: pass },
    |   ^
   ...
  5 | ]
    | - still inside`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes: |
  - path: /a
 - path: /b
`,
    `f.yaml:4:2: this line is indented too far: the key above has its value already, so begin in column 1
  2 | routes: |
    | - in line with this
   ...
  4 |  - path: /b
    |  ^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
listen:
admin: off
`,
    `f.yaml:2:1 listen: has no value: write an address such as 0.0.0.0:8080, or leave the key out
  2 | listen:
    | ^^^^^^`,
  ],
  [
    `upstream: http://127.0.0.1:8000
routes:
'  - path: /a
    # it's the first
`,
    `f.yaml:3:1: this single quote is not closed: put another at the end of the value
  3 | '  - path: /a
    | ^
  4 |     # it's the first
    |         - ends here instead`,
  ],
  // The package's own words came through if a line began with dashes or had a character that only looks like a space.
  [
    "upstream: http://a:1\nhead:\u00a0pass\n",
    `f.yaml:2:6: this is no plain space, but one that looks like it: type it anew
  2 | head:\u00a0pass
    |      ^`,
  ],
  [
    "upstream: http://a:1\n-----\nhead: pass\n",
    `f.yaml:2:1: this line of dashes is no YAML: a comment begins with #
  2 | -----
    | ^^^^^`,
  ],
  [
    "--- a/routes.yaml\nupstream: http://a:1\n",
    `f.yaml:1:5: nothing can follow --- on its line: begin a new one
  1 | --- a/routes.yaml
    |     ^`,
  ],
  [
    "```yaml\nupstream: http://a:1\n```\n",
    `f.yaml:1:1: this fence of Markdown is no YAML: leave it out
  1 | \`\`\`yaml
    | ^^^^^^^`,
  ],
  [
    `upstream:
  tls:
    key: |
-----BEGIN PRIVATE KEY-----
`,
    `f.yaml:4:1: a certificate or key is not written here: put it in a file, and write the path of that
  4 | -----BEGIN PRIVATE KEY-----
    | ^^^^^^^^^^^^^^^^^^^^^^^^^^^`,
  ],
];

for (const [text, printed] of WRONG) {
  test(`${JSON.stringify(text.slice(0, 100))} is reported where the mistake is`, async (t) => {
    assert.equal(await messageOf(loadText(t, text)), printed);
  });
}

test("a file in a Windows encoding is distinguished from one that is no text", async (t) => {
  const text = "\ufeffupstream: http://127.0.0.1:8000\n";
  const utf16 = Buffer.from(text, "utf16le");
  const expected = "f.yaml: is UTF-16 text: save it as UTF-8";
  assert.equal(await messageOf(loadText(t, utf16)), expected);
  assert.equal(await messageOf(loadText(t, Buffer.from(utf16).swap16())), expected);
  assert.match(await messageOf(loadText(t, utf16.subarray(2))), /^f\.yaml:1:2: the file is UTF-16/);
});

test("programs get the same places: the mistake's and the one that explains it", async (t) => {
  const [problem] = await problemsOf(loadText(t, 'listen: ":80\nadmin: "off"\n'));
  const { line, col, key, related } = problem ?? assert.fail();
  assert.deepEqual(
    { line, col, key, related },
    { line: 1, col: 9, key: "", related: { line: 2, col: 8, note: "ends here instead" } },
  );
});

test("valid but rare YAML is no mistake", async (t) => {
  const text = `# YAML 1.2
%YAML 1.2
---
upstream: !!str http://127.0.0.1:8000
"listen": &a
  ":8080"
admin:
    off # deeper
routes:
- path: /a
  name: >-
    two: [lines,
    "of text
- {
    path: /b, name: "two lines,
      of text", head: { mode:
        pass }
  }
-
  path:
    /c
  name: plain text: no
...
`;
  const [problem, ...others] = await problemsOf(loadText(t, text));
  assert.equal(others.length, 0);
  assert.deepEqual(
    [problem?.line, problem?.message],
    [22, "a value with a colon and a space in it must stand in quotes"],
  );
});
