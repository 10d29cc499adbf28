import assert from "node:assert/strict";
import test from "node:test";
import { HEAD_MODE_NAMES } from "../../src/http/head-outcomes.ts";
import { loadText, messageOf, problemsOf } from "../support/route-file.ts";

/** A new mode changes these texts, but no test. */
const MODES = HEAD_MODE_NAMES.join(", ");
const UPSTREAM = "upstream: http://127.0.0.1:8000\n";

/** Values and keys that are not headgate's, and the hint for each. */
const MISTAKES: readonly (readonly [text: string, told: string])[] = [
  [
    "timeouts: { header: 30 }\n",
    'timeouts.header: must be a duration such as 250ms or 5s, not the number 30; did you mean "30s"?',
  ],
  [
    "timeouts: { header: '30' }\n",
    'timeouts.header: "30" is not a duration such as 250ms, 5s, 1m or 1h: the unit is missing; did you mean "30s"?',
  ],
  [
    "timeouts: { header: 5sec }\n",
    'timeouts.header: "5sec" is not a duration such as 250ms, 5s, 1m or 1h; did you mean "5s"?',
  ],
  [
    "timeouts: { header: 5 s }\n",
    'timeouts.header: "5 s" is not a duration such as 250ms, 5s, 1m or 1h; did you mean "5s"?',
  ],
  [
    "timeouts: { header: 1m30s }\n",
    'timeouts.header: "1m30s" is not a duration such as 250ms, 5s, 1m or 1h; did you mean "90s"?',
  ],
  [
    "timeouts: { header: 1d }\n",
    'timeouts.header: "1d" is not a duration such as 250ms, 5s, 1m or 1h; did you mean "24h"?',
  ],
  [
    "timeouts: { header: 0.5 }\n",
    'timeouts.header: must be a duration such as 250ms or 5s, not the number 0.5; did you mean "500ms"?',
  ],
  [
    "timeouts: { header: 50% }\n",
    'timeouts.header: "50%" is not a duration such as 250ms, 5s, 1m or 1h',
  ],
  [
    "timeouts: { header: 5S }\n",
    'timeouts.header: "5S" is not a duration such as 250ms, 5s, 1m or 1h; did you mean "5s"?',
  ],
  [
    "timeouts: { header: -1 }\n",
    "timeouts.header: must be a duration such as 250ms or 5s, not the number -1",
  ],
  [
    "timeouts: { header: true }\n",
    "timeouts.header: must be a duration such as 250ms or 5s, not the boolean true",
  ],
  [
    "timeouts: 30s\n",
    "timeouts: must be a mapping, not text: its keys are header, keepAlive, idle, upgrade, tunnelIdle",
  ],
  [
    "forwarded: [10.0.0.0/8, ::1]\n",
    "forwarded: must be off or a mapping, not a list; did you mean { trust: [10.0.0.0/8, ::1] }?",
  ],
  [
    "forwarded: 10.0.0.0/8\n",
    'forwarded: "10.0.0.0/8" is not off or a mapping; did you mean { trust: [10.0.0.0/8] }?',
  ],
  [
    "limits: { headerBytes: 64kb }\n",
    'limits.headerBytes: "64kb" is not a size such as 512B, 64KiB or 1MiB; did you mean "64KiB"?',
  ],
  [
    "limits: { headerBytes: 65536 }\n",
    'limits.headerBytes: must be a size such as 512B or 64KiB, not the number 65536; did you mean "64KiB"?',
  ],
  [
    "limits: { headerBytes: 64K }\n",
    'limits.headerBytes: "64K" is not a size such as 512B, 64KiB or 1MiB; did you mean "64KiB"?',
  ],
  [
    "limits: { headerBytes: 1 MB }\n",
    'limits.headerBytes: "1 MB" is not a size such as 512B, 64KiB or 1MiB; did you mean "1MiB"?',
  ],
  [
    "limits: { waiting: '10' }\n",
    "limits.waiting: must be a whole number, not text; did you mean 10, without quotes?",
  ],
  ["limits: { waiting: 1k }\n", "limits.waiting: must be a whole number, not text"],
  ["limits: { waiting: 10.5 }\n", "limits.waiting: must be a whole number, not the number 10.5"],
  [
    "listen: 8080\n",
    'listen: must be an address such as 0.0.0.0:8080, not the number 8080; did you mean ":8080"?',
  ],
  [
    "listen: '8080'\n",
    'listen: "8080" is not an address such as 0.0.0.0:8080, :8080, unix:/path or fd:3; did you mean ":8080"?',
  ],
  [
    "listen: localhost\n",
    'listen: "localhost" is not an address such as 0.0.0.0:8080, :8080, unix:/path or fd:3: the port is missing; did you mean "localhost:8080"?',
  ],
  [
    "listen: http://0.0.0.0:8080\n",
    'listen: "http://0.0.0.0:8080" is not an address such as 0.0.0.0:8080, :8080, unix:/path or fd:3; did you mean "0.0.0.0:8080"?',
  ],
  [
    "listen: https://0.0.0.0:8443\n",
    'listen: "https://0.0.0.0:8443" is a URL: for TLS, write a mapping with address and tls',
  ],
  [
    "admin: https://0.0.0.0:8443\n",
    'admin: "https://0.0.0.0:8443" is not an address such as 0.0.0.0:8080, :8080, unix:/path or fd:3',
  ],
  [
    "listen: '*:8080'\n",
    'listen: "*:8080": "*" is not a host name or address; did you mean ":8080"?',
  ],
  [
    "listen: /run/a.sock\n",
    'listen: "/run/a.sock" is not an address such as 0.0.0.0:8080, :8080, unix:/path or fd:3; did you mean "unix:/run/a.sock"?',
  ],
  [
    "listen: ::1:8080\n",
    'listen: "::1:8080" is not an address such as 0.0.0.0:8080, :8080, unix:/path or fd:3; did you mean "[::1]:8080"?',
  ],
  [
    "log:\n\u00a0 access: all\n",
    "log: has no value: write a mapping, or leave the key out\n\u00a0 access: is not a known key: it begins with what is no plain space, but looks like one: type that anew",
  ],
  [
    "listen: :::8080\n",
    'listen: ":::8080" is not an address such as 0.0.0.0:8080, :8080, unix:/path or fd:3; did you mean "[::]:8080"?',
  ],
  [
    "listen: '::'\n",
    'listen: "::" is not an address such as 0.0.0.0:8080, :8080, unix:/path or fd:3; did you mean "[::]:8080"?',
  ],
  [
    "listen: '[::]'\n",
    'listen: "[::]" is not an address such as 0.0.0.0:8080, :8080, unix:/path or fd:3; did you mean "[::]:8080"?',
  ],
  ["listen: true\n", "listen: must be an address such as 0.0.0.0:8080, not the boolean true"],
  [
    "listen: 0.0.0.0:80:80\n",
    'listen: "0.0.0.0:80:80" is not an address such as 0.0.0.0:8080, :8080, unix:/path or fd:3',
  ],
  [
    "listen: [::]\n",
    'listen[0].address: is missing: an address such as 0.0.0.0:8080\nlisten[0].:: is not a known key: an address with brackets needs quotes, as in "[::]:8080"',
  ],
  [
    "listen: “:8080”\n",
    'listen: "“:8080”" is not an address such as 0.0.0.0:8080, :8080, unix:/path or fd:3: these quotes are typographic, write plain ones',
  ],
  [
    'listen: :8080"\n',
    'listen: ":8080"" is not an address such as 0.0.0.0:8080, :8080, unix:/path or fd:3: the opening quote is missing',
  ],
  [
    "listen: :8080;\n",
    'listen: ":8080;" is not an address such as 0.0.0.0:8080, :8080, unix:/path or fd:3: leave the ; at the end out',
  ],
  [
    "listen: :8080,\n",
    'listen: ":8080," is not an address such as 0.0.0.0:8080, :8080, unix:/path or fd:3: leave the , at the end out',
  ],
  [
    "admin: false\n",
    'admin: must be an address such as 0.0.0.0:8080, or off, not the boolean false; did you mean "off"?',
  ],
  [
    "admin: no\n",
    'admin: "no" is not an address such as 0.0.0.0:8080, :8080, unix:/path or fd:3: the port is missing; did you mean "off"?',
  ],
  [
    "admin: none\n",
    'admin: "none" is not an address such as 0.0.0.0:8080, :8080, unix:/path or fd:3: the port is missing; did you mean "off"?',
  ],
  ["admin: true\n", "admin: must be an address such as 0.0.0.0:8080, or off, not the boolean true"],
  [
    "admin: 9090\n",
    'admin: must be an address such as 0.0.0.0:8080, or off, not the number 9090; did you mean ":9090"?',
  ],
  [
    "admin: null\n",
    "admin: has no value: write an address such as 0.0.0.0:8080, or off, or leave the key out",
  ],
  // Symptom: `http://app,` passed check, and no name server knew "app,". Root cause: the URL class takes it for a host. Fix: the
  // host of a URL is a name or an address, as it is elsewhere.
  [
    "upstream: http://app:8000,\n",
    "upstream: is not a URL such as http://127.0.0.1:8000: leave the , at the end out",
  ],
  [
    "upstream: http://app,\n",
    "upstream: is not a URL such as http://127.0.0.1:8000: leave the , at the end out",
  ],
  [
    "upstream: 8000\n",
    'upstream: must be a URL such as http://127.0.0.1:8000, not the number 8000; did you mean "http://127.0.0.1:8000"?',
  ],
  [
    "upstream: localhost:8000\n",
    'upstream: must begin with http://, https:// or unix:/; did you mean "http://localhost:8000"?',
  ],
  [
    "upstream: https//app\n",
    'upstream: must begin with http://, https:// or unix:/; did you mean "https://app"?',
  ],
  [
    "upstream: http:/app:80\n",
    'upstream: must begin with http://, https:// or unix:/; did you mean "http://app:80"?',
  ],
  [
    "upstream: htpp://app\n",
    'upstream: must begin with http://, https:// or unix:/; did you mean "http://app"?',
  ],
  [
    "upstream: app\n",
    'upstream: must begin with http://, https:// or unix:/; did you mean "http://app"?',
  ],
  [
    "upstream: tcp://app:1\n",
    'upstream: must begin with http://, https:// or unix:/; did you mean "http://app:1"?',
  ],
  [
    "upstream: :8000\n",
    'upstream: must begin with http://, https:// or unix:/; did you mean "http://127.0.0.1:8000"?',
  ],
  [
    "upstream: /run/app.sock\n",
    'upstream: must begin with http://, https:// or unix:/; did you mean "unix:/run/app.sock"?',
  ],
  [
    "upstream: http://app/api\n",
    'upstream: must end after the host and port: paths are forwarded unchanged, nothing is put before them; did you mean "http://app"?',
  ],
  [
    "upstream: http://u:p@app\n",
    "upstream: must not hold a user or a password: headgate does not log in",
  ],
  ["upstream: https//u:p@app\n", "upstream: must begin with http://, https:// or unix:/"],
  [
    "upstream: ws://app\n",
    'upstream: must begin with http://, https:// or unix:/; did you mean "http://app"?',
  ],
  [
    "upstream: http://app:8000/?x\n",
    'upstream: must end after the host and port: paths are forwarded unchanged, nothing is put before them; did you mean "http://app:8000"?',
  ],
  ["upstream: [http://a]\n", "upstream: must be a URL such as http://127.0.0.1:8000, not a list"],
  [
    "upstream: true\n",
    "upstream: must be a URL such as http://127.0.0.1:8000, not the boolean true",
  ],
  [
    "upstream: http//app:8000\n",
    'upstream: must begin with http://, https:// or unix:/; did you mean "http://app:8000"?',
  ],
  [
    "upstream: http:app:80\n",
    'upstream: must begin with http://, https:// or unix:/; did you mean "http://app:80"?',
  ],
  [
    "upstream: ftp://a\n",
    'upstream: must begin with http://, https:// or unix:/; did you mean "http://a"?',
  ],
  ["head: true\n", `head: must be one of ${MODES}, not the boolean true; did you mean "convert"?`],
  ["head: on\n", `head: "on" is not one of ${MODES}; did you mean "convert"?`],
  ["head: off\n", `head: "off" is not one of ${MODES}; did you mean "pass"?`],
  ["head: false\n", `head: must be one of ${MODES}, not the boolean false; did you mean "pass"?`],
  ["head: GET\n", `head: "GET" is not one of ${MODES}; did you mean "convert"?`],
  ["head: convrt\n", `head: "convrt" is not one of ${MODES}; did you mean "convert"?`],
  ["head: 405\n", `head: must be one of ${MODES}, not the number 405; did you mean "reject"?`],
  ["head: [pass]\n", `head: must be one of ${MODES}, not a list`],
  [
    "head: { fallbackOn: 405 }\n",
    "head.fallbackOn: must be a list of status codes, not the number 405; did you mean [405]?",
  ],
  [
    "head: { fallbackOn: '405, 501' }\n",
    "head.fallbackOn: must be a list of status codes, not text; did you mean [405, 501]?",
  ],
  [
    "head: { fallbackOn: ['405'] }\n",
    "head.fallbackOn[0]: must be a whole number, not text; did you mean 405, without quotes?",
  ],
  [
    "head: { guards: tus }\n",
    "head.guards: must be a list of guards, not text; did you mean [tus]?",
  ],
  [
    "head: { limit: { rate: 100 } }\n",
    'head.limit.rate: must be a rate such as 100/s, not the number 100; did you mean "100/s"?',
  ],
  [
    "head: { limit: { rate: 100r/s } }\n",
    'head.limit.rate: "100r/s" is not a rate such as 100/s, 30/m or 5/h; did you mean "100/s"?',
  ],
  [
    "head: { limit: { rate: 100 / sec } }\n",
    'head.limit.rate: "100 / sec" is not a rate such as 100/s, 30/m or 5/h; did you mean "100/s"?',
  ],
  [
    "head: { explain: 'yes' }\n",
    "head.explain: must be true or false, not text; did you mean true?",
  ],
  [
    "head: { range: true }\n",
    'head.range: must be one of strip, probe, not the boolean true; did you mean "probe"?',
  ],
  [
    "options: true\n",
    'options: must be one of forward, reply, not the boolean true; did you mean "reply"?',
  ],
  [
    "options: { allow: GET,HEAD }\n",
    "options.allow: must be a list of methods, not text; did you mean [GET]?\noptions.HEAD: is not a known key",
  ],
  [
    "options: { allow: 'GET HEAD' }\n",
    "options.allow: must be a list of methods, not text; did you mean [GET, HEAD]?",
  ],
  ["options: { allow: ['GET,HEAD'] }\n", "options.allow[0]: must be a method such as GET"],
  ["options: [GET]\n", "options: must be one of forward, reply, not a list"],
  [
    "forwarded: false\n",
    'forwarded: must be off or a mapping, not the boolean false; did you mean "off"?',
  ],
  ["forwarded: true\n", "forwarded: must be off or a mapping, not the boolean true"],
  [
    "forwarded: { trust: 10.0.0.0/8 }\n",
    "forwarded.trust: must be a list of addresses and ranges, not text; did you mean [10.0.0.0/8]?",
  ],
  [
    "forwarded: { trust: all }\n",
    "forwarded.trust: must be a list of addresses and ranges, not text",
  ],
  [
    "forwarded: { trust: ['10.0.0.0'/8] }\n",
    ": more text follows the quoted one: put all of it in one pair of quotes",
  ],
  ["log: debug\n", "log: must be a mapping, not text; did you mean { level: debug }?"],
  [
    "log: { level: warning }\n",
    'log.level: "warning" is not one of debug, info, warn, error, silent; did you mean "warn"?',
  ],
  [
    "log: { access: true }\n",
    'log.access: must be one of all, errors, off, not the boolean true; did you mean "all"?',
  ],
  [
    "log: { access: false }\n",
    'log.access: must be one of all, errors, off, not the boolean false; did you mean "off"?',
  ],
  [
    "log: { format: text }\n",
    'log.format: "text" is not one of json, pretty; did you mean "pretty"?',
  ],
  ["log: off\n", "log: must be a mapping, not text; did you mean { level: silent }?"],
  ["log: { query: on }\n", "log.query: must be true or false, not text; did you mean true?"],
  ["log: {access:all}\n", "log.access:all: is not a known key: a space is missing after the colon"],
  [
    "log: { fields: route }\n",
    "log.fields: must be a list of log fields, not text; did you mean [route]?",
  ],
  ["strict: true\n", "strict: is not a known key here: it belongs in upstream or a route"],
  [
    "responseTimeout: 5s\n",
    "responseTimeout: is not a known key here: it belongs in upstream or a route",
  ],
  ["keepAlive: 5s\n", "keepAlive: is not a known key here: it belongs in upstream or timeouts"],
  ["proxy_pass: http://a\n", 'proxy_pass: is not a known key; did you mean "upstream"?'],
  ["port: 80\n", 'port: is not a known key; did you mean "listen"?'],
  ["timeout: 30\n", 'timeout: is not a known key; did you mean "timeouts"?'],
  ["share: 5s\n", "share: is not a known key here: it belongs in head"],
  [
    "routes: { path: /a }\n",
    'routes: must be a list of routes, not a mapping: each route begins with a dash, as in "- path: /health"',
  ],
  ["routes: /a\n", "routes: must be a list of routes, not text"],
  [
    "routes: \n  -path: /a\n",
    "routes: must be a list of routes, not a mapping: a space is missing after the dash",
  ],
  [
    "routes: \n  path: /a\n",
    'routes: must be a list of routes, not a mapping: each route begins with a dash, as in "- path: /health"',
  ],
  [
    "routes: \n  /a: { head: pass }\n",
    'routes: must be a list of routes, not a mapping: each route begins with a dash, as in "- path: /health"',
  ],
  [
    "routes: \n  - /a: pass\n",
    "routes[0].path: is missing: a path such as /health\nroutes[0]./a: is not a known key",
  ],
  [
    "routes:\n  - path: ^/x\n",
    'routes[0].path: "^/x" looks like a regular expression, which a path is not: {name} stands for one segment, /* at the end for everything below; did you mean "/x"?',
  ],
  [
    "routes:\n  - path: ^/x$\n",
    'routes[0].path: "^/x$" looks like a regular expression, which a path is not: {name} stands for one segment, /* at the end for everything below; did you mean "/x"?',
  ],
  [
    "routes:\n  - path: users\n",
    'routes[0].path: "users" must begin with a slash; did you mean "/users"?',
  ],
  ["routes:\n  - path: *\n", ": a value that begins with * must stand in quotes"],
  [
    "routes:\n  - path: /files/**\n",
    'routes[0].path: "*" stands for everything below, alone and at the end: /files/*; one segment is {name}; did you mean "/files/*"?',
  ],
  [
    "routes:\n  - path: '/*.js'\n",
    'routes[0].path: "*" stands for everything below, alone and at the end: /files/*; one segment is {name}',
  ],
  [
    "routes:\n  - path: /a.*\n",
    'routes[0].path: "/a.*" looks like a regular expression, which a path is not: {name} stands for one segment, /* at the end for everything below',
  ],
  [
    "routes:\n  - path: '/x/{path:path}'\n",
    'routes[0].path: "{path:path}": a parameter is a whole segment in braces: /users/{id}/avatar; did you mean "/x/*"?',
  ],
  [
    "routes:\n  - path: '/x/{id:int}'\n",
    'routes[0].path: "{id:int}": a parameter is a whole segment in braces: /users/{id}/avatar; did you mean "/x/{id}"?',
  ],
  [
    "routes:\n  - path: '/x/{id}.json'\n",
    'routes[0].path: "{id}.json": a parameter is a whole segment in braces: /users/{id}/avatar',
  ],
  [
    "routes:\n  - path: {id}\n",
    "routes[0].path: must be a path such as /health, not a mapping: put it in quotes",
  ],
  [
    "routes:\n  - path: http://h/x\n",
    'routes[0].path: "http://h/x" must begin with a slash; did you mean "/x"?',
  ],
  [
    "routes:\n  - path: /a?b=1\n",
    'routes[0].path: must not hold a query or a fragment: the path alone is compared; did you mean "/a"?',
  ],
  [
    "routes:\n  - path: '/a/(?:b|c)'\n",
    'routes[0].path: "/a/(?:b|c)" looks like a regular expression, which a path is not: {name} stands for one segment, /* at the end for everything below',
  ],
  [
    "routes:\n  - path: ~ /x\n",
    'routes[0].path: "~ /x" looks like a regular expression, which a path is not: {name} stands for one segment, /* at the end for everything below; did you mean "/x"?',
  ],
  [
    "routes:\n  - path: = /x\n",
    'routes[0].path: "= /x" must begin with a slash; did you mean "/x"?',
  ],
  ["routes:\n  - path: /a b\n", "routes[0].path: must not hold white space or control characters"],
  ["routes:\n  - path: 1\n", "routes[0].path: must be a path such as /health, not the number 1"],
  [
    "routes:\n  - path: '/{}'\n",
    'routes[0].path: "{}": a parameter is a whole segment in braces: /users/{id}/avatar',
  ],
  [
    "routes:\n  - path: '/x/*/y'\n",
    'routes[0].path: "*" stands for everything below, alone and at the end: /files/*; one segment is {name}',
  ],
  [
    "routes:\n  - path: /x\n    host: http://a.b\n",
    'routes[0].host: "http://a.b" is not a host such as example.com or *.example.com: leave the scheme out; did you mean "a.b"?',
  ],
  [
    "routes:\n  - path: /x\n    host: a.b:80\n",
    'routes[0].host: "a.b:80": leave the port out, it is not compared; did you mean "a.b"?',
  ],
  [
    "routes:\n  - path: /x\n    host: a.b/x\n",
    'routes[0].host: "a.b/x" is not a host such as example.com or *.example.com; did you mean "a.b"?',
  ],
  ["routes:\n  - path: /x\n    host: '*'\n", "routes[0].host: leave host out to match every host"],
  [
    "routes:\n  - path: /x\n    host: 'a.*'\n",
    'routes[0].host: "a.*" is not a host such as example.com or *.example.com: the asterisk stands for whole labels, at the beginning',
  ],
  [
    "routes:\n  - path: /x\n    host: 1\n",
    "routes[0].host: must be a host such as example.com, not the number 1",
  ],
  ["routes:\n  - path: /x\n    methods: [GET]\n", "routes[0].methods: is not a known key"],
  [
    "routes:\n  - location: /x\n",
    'routes[0].path: is missing: a path such as /health\nroutes[0].location: is not a known key; did you mean "path"?',
  ],
  [
    "routes:\n  - prefix: /x\n",
    'routes[0].path: is missing: a path such as /health\nroutes[0].prefix: is not a known key; did you mean "path"?',
  ],
  [
    "routes:\n  - path: /x\n    timeout: 30\n",
    'routes[0].timeout: is not a known key; did you mean "responseTimeout"?',
  ],
  ["routes:\n  - path: /x\n    name: 1\n", "routes[0].name: must be a text, not the number 1"],
  [
    "upstreams: { a: localhost:80, b: 1 }\nroutes: [{ path: /x, upstream: c }, { path: /y, upstream: localhost:80 }]\n",
    'upstreams.a: must begin with http://, https:// or unix:/; did you mean "http://localhost:80"?\nupstreams.b: must be a URL such as http://127.0.0.1:8000, not the number 1\nroutes[0].upstream: "c" is not in upstreams; did you mean "a"?\nroutes[1].upstream: must begin with http://, https:// or unix:/; did you mean "http://localhost:80"?',
  ],
  // Symptom: these got no hint, or a message without the right form. Root cause: no guess knew them. Fix: a mapping suggests the only key that
  // could have the value, an address its port, and a URL its brackets.
  [
    "head: { drain: 64KiB }\n",
    "head.drain: must be a mapping, not text; did you mean { bytes: 64KiB }?",
  ],
  [
    "routes: [{ path: /x, head: { drain: 1s } }]\n",
    "routes[0].head.drain: must be a mapping, not text; did you mean { time: 1s }?",
  ],
  [
    "head: { limit: 10/s }\n",
    "head.limit: must be a mapping, not text; did you mean { rate: 10/s }?",
  ],
  [
    "head: { limit: 10 }\n",
    "head.limit: must be a mapping, not the number 10; did you mean { concurrent: 10 }?",
  ],
  ["shutdown: 30s\n", "shutdown: must be a mapping, not text; did you mean { grace: 30s }?"],
  ["routes: [/x]\n", "routes[0]: must be a mapping, not text; did you mean { path: /x }?"],
  [
    "upstream: { url: https://a, tls: false }\n",
    "upstream.tls: must be a mapping, not the boolean false: its keys are ca, cert, key, serverName, verify",
  ],
  [
    "upstream: http://::1:8000\n",
    'upstream: is not a URL such as http://127.0.0.1:8000: an IPv6 address stands in brackets; did you mean "http://[::1]:8000"?',
  ],
  [
    "upstream: https://fe80::1:8443\n",
    'upstream: is not a URL such as http://127.0.0.1:8000: an IPv6 address stands in brackets; did you mean "https://[fe80::1]:8443"?',
  ],
  [
    "upstream: 2001:db8::8000\n",
    'upstream: must begin with http://, https:// or unix:/; did you mean "http://[2001:db8::8000]"?',
  ],
  [
    "listen: 0.0.0.0\n",
    'listen: "0.0.0.0" is not an address such as 0.0.0.0:8080, :8080, unix:/path or fd:3: the port is missing; did you mean "0.0.0.0:8080"?',
  ],
  [
    "admin: localhost\n",
    'admin: "localhost" is not an address such as 0.0.0.0:8080, :8080, unix:/path or fd:3: the port is missing; did you mean "localhost:9090"?',
  ],
  [
    'admin: "::"\n',
    'admin: "::" is not an address such as 0.0.0.0:8080, :8080, unix:/path or fd:3; did you mean "[::]:9090"?',
  ],
  [
    "routes: [{ <<: { head: pass }, path: /x }]\n",
    "routes[0].<<: is not a known key: headgate applies no merge keys (YAML 1.2 has none): write out what it would bring",
  ],
];

for (const [text, told] of MISTAKES) {
  test(`${JSON.stringify(text)} gets a hint with the probable intent`, async (t) => {
    const whole = text.startsWith("upstream:") ? text : UPSTREAM + text;
    const problems = await problemsOf(loadText(t, whole));
    assert.equal(problems.map(({ key, message }) => `${key}: ${message}`).join("\n"), told);
    for (const { excerpt, line, col } of problems) {
      const [shown, carets] = excerpt?.split("\n") ?? [];
      assert.ok(shown?.startsWith(`  ${line} | `));
      assert.equal(carets?.indexOf("^"), `  ${line} | `.length + (col ?? 0) - 1);
    }
  });
}

/** Paths that are valid and probably not intended. */
const DOUBTS: readonly (readonly [text: string, told: string])[] = [
  [
    "routes:\n  - path: /x$\n",
    '"x$" is taken literally: a path is no regular expression; did you mean "/x"?',
  ],
  ["routes:\n  - path: /users/:id\n", '":id" is taken literally; did you mean "/users/{id}"?'],
  ["routes:\n  - path: /users/<id>\n", '"<id>" is taken literally; did you mean "/users/{id}"?'],
  [
    "routes:\n  - path: /users/<int:id>\n",
    '"<int:id>" is taken literally; did you mean "/users/{id}"?',
  ],
  [
    "routes:\n  - path: '/x/[0-9]+'\n",
    '"[0-9]+" is taken literally: a path is no regular expression; did you mean "/x/{id}"?',
  ],
  ["routes:\n  - path: /x/(a|b)\n", '"(a|b)" is taken literally: a path is no regular expression'],
  [
    "routes:\n  - path: '/\\d+'\n",
    '"\\d+" is taken literally: a path is no regular expression; did you mean "/{id}"?',
  ],
  ["routes:\n  - path: /:id/*\n", '":id" is taken literally; did you mean "/{id}/*"?'],
];

for (const [text, told] of DOUBTS) {
  test(`${JSON.stringify(text)} loads with a warning`, async (t) => {
    const { warnings } = await loadText(t, UPSTREAM + text);
    assert.deepEqual(
      warnings.map(({ message }) => message),
      [told],
    );
    const { line, col, key } = warnings[0] ?? assert.fail();
    assert.deepEqual([line, col, key], [3, 11, "routes[0].path"]);
  });
}

test("a path with signs that have no meaning elsewhere loads without a warning", async (t) => {
  for (const path of [
    "/Users(1)",
    "/c++",
    "/v1/things:batch",
    "//x//",
    "/a.b",
    "/{id}/*",
    "/~me",
    "/a,b;c=1",
  ]) {
    const { warnings } = await loadText(t, `${UPSTREAM}routes: [{ path: "${path}" }]\n`);
    assert.deepEqual(warnings, [], path);
  }
});

/**
 * Symptom: carets under a line with Chinese text stood half as far as the mistake, and columns of tables were ragged. Root cause: such a
 * character was counted as one column, and a terminal shows it in two. Fix: the width is that of the terminal.
 */
test("carets stand under the mistake also after wide, combining and astral characters", async (t) => {
  for (const [path, columns] of [
    ["/abc", 4],
    ["/日本語", 7],
    ["/한글", 5],
    ["/e\u0301", 2],
    ["/😀", 3],
    ["/ｱ", 2],
    ["/𝒳", 2],
  ] as const) {
    const text = `${UPSTREAM}routes: [{ path: ${path}, head: pas }]\n`;
    const [problem] = await problemsOf(loadText(t, text));
    const columnsBefore = "routes: [{ path: , head: ".length + columns;
    assert.equal(problem?.excerpt?.split("\n")[1], `    | ${" ".repeat(columnsBefore)}^^^`, path);
  }
  const [wide] = await problemsOf(loadText(t, `${UPSTREAM}head: 日本語\n`));
  assert.equal(wide?.excerpt?.split("\n")[1], `    | ${" ".repeat("head: ".length)}^^^^^^`);
});

test("a password is neither in the message nor in the excerpt", async (t) => {
  for (const url of [
    "http://user:s3cret@app:8000",
    "https//user:s3cr@t@app",
    "user:s3cret@app:80",
  ]) {
    for (const text of [`upstream: ${url}\n`, `upstream: "${url}\n`, `x: [a, ${url}, b\n`])
      assert.doesNotMatch(await messageOf(loadText(t, text)), /s3cr/, text);
  }
});
