import assert from "node:assert/strict";
import test from "node:test";

import { isHost, parseTarget, toHost } from "../../src/http/target.ts";
import { refuses } from "../support/refusal.ts";

const BYTE_FOR_BYTE = [
  "/",
  "//a",
  "/a/../b",
  "/%2e%2E/x",
  "/{x}",
  "/?",
  "/a?b?c=/d",
  "/a\\b",
  "/a;v=1,2",
  "/a//b/",
  "/%00",
  "/\xe9",
  "/http://h/x",
  "/*",
];

for (const target of BYTE_FOR_BYTE) {
  test(`the origin-form ${JSON.stringify(target)} is sent upstream byte for byte`, () => {
    assert.deepEqual(parseTarget("GET", target), { path: target, authority: undefined });
  });
}

const ABSOLUTE: readonly (readonly [string, string, string, string])[] = [
  ["GET", "http://h/x?y", "/x?y", "h"],
  ["GET", "HTTP://H:81//a/../b", "//a/../b", "H:81"],
  ["GET", "https://h/", "/", "h"],
  ["GET", "http://h", "/", "h"],
  ["GET", "http://h?y", "/?y", "h"],
  ["GET", "http://h/?http://other/", "/?http://other/", "h"],
  ["GET", "http://h/x@y:z", "/x@y:z", "h"],
  ["GET", "http://[::1]:8080/x", "/x", "[::1]:8080"],
  ["OPTIONS", "http://h:1", "*", "h:1"],
  ["OPTIONS", "http://h/", "/", "h"],
  ["OPTIONS", "http://h?y", "/?y", "h"],
];

for (const [method, target, path, authority] of ABSOLUTE) {
  test(`${method} ${target} requests ${path} from ${authority}`, () => {
    assert.deepEqual(parseTarget(method, target), { path, authority });
  });
}

test("OPTIONS * is for the server as a whole", () => {
  assert.deepEqual(parseTarget("OPTIONS", "*"), { path: "*", authority: undefined });
});

const REFUSED: readonly (readonly [string, string])[] = [
  ["GET", "*"],
  ["HEAD", "*"],
  ["GET", ""],
  ["GET", "x"],
  ["GET", "?x"],
  ["GET", "**"],
  ["OPTIONS", "*/"],
  ["CONNECT", "h:443"],
  ["GET", "h:443"],
  ["GET", "ftp://h/x"],
  ["GET", "http:/x"],
  ["GET", "http:h/x"],
  ["GET", " http://h/x"],
  ["GET", "http:///x"],
  ["GET", "http://?x"],
  ["GET", "http://user@h/x"],
  ["GET", "http://user:pass@h/x"],
  ["GET", "http://h\\@other/x"],
  ["GET", "http://a,b/x"],
  ["GET", "http://h:65536/x"],
  ["GET", "/x#y"],
  ["GET", "http://h/x#y"],
  ["GET", "http://h#y"],
];

for (const [method, target] of REFUSED) {
  test(`the request-target of ${JSON.stringify(`${method} ${target}`)} is refused with 400`, () => {
    refuses(() => parseTarget(method, target), 400);
  });
}

const HOSTS = [
  "h",
  "h:80",
  "h:",
  "h:0",
  "h:65535",
  "1.2.3.4",
  "[::1]",
  "[::1]:80",
  "[v1.a:b]",
  "[VFF.~!$&'()*+;=_-]:80",
  "a-b_c.d~e",
  "%41",
  "a!$&'()*+;=b",
];
const NOT_HOSTS = [
  "",
  " ",
  "a b",
  "a,b",
  "u@h",
  "h/x",
  "h?x",
  "h#x",
  "h\\x",
  "http://h",
  "h:80:80",
  "h:65536",
  "h:999999",
  "h:x",
  "h:-1",
  "::1",
  "[::1",
  "[::1]x",
  "[]",
  "[fe80::1%25eth0]",
  "[v1.]",
  "[v.a]",
  "[vg.a]",
  "[v1a]",
  "[v1.a,b]",
  "[v1.a/b]",
  "[v1.a@b]",
  "h\n",
  "h\0",
  "h\xe9",
  ":80",
];

for (const value of HOSTS) test(`${value} names a host`, () => assert.equal(isHost(value), true));
for (const value of NOT_HOSTS)
  test(`${JSON.stringify(value)} is not a host`, () => assert.equal(isHost(value), false));

const ORIGIN = { path: "/", authority: undefined };
const ABSOLUTE_FORM = { path: "/", authority: "a" };

test("the Host field is the host as the client sent it", () => {
  assert.equal(toHost(ORIGIN, ["H:80"], "1.1"), "H:80");
});

test("the absolute-form's authority replaces the Host field", () => {
  assert.equal(toHost(ABSOLUTE_FORM, ["b"], "1.1"), "a");
});

test("HTTP/1.0 needs no Host field", () => {
  assert.equal(toHost(ORIGIN, [], "1.0"), undefined);
  assert.equal(toHost(ABSOLUTE_FORM, [], "1.0"), "a");
});

const BAD_HOST_FIELDS: readonly (readonly [string, readonly string[], string])[] = [
  ["none in HTTP/1.1", [], "1.1"],
  ["two", ["a", "b"], "1.1"],
  ["the same twice", ["a", "a"], "1.1"],
  ["two in HTTP/1.0", ["a", "b"], "1.0"],
  ["an empty one", [""], "1.1"],
  ["a malformed one in HTTP/1.0", ["u@h"], "1.0"],
];

for (const [what, hosts, version] of BAD_HOST_FIELDS) {
  test(`Host fields: ${what} is refused with 400, beside an absolute-form too`, () => {
    refuses(() => toHost(ORIGIN, hosts, version), 400);
    refuses(() => toHost(ABSOLUTE_FORM, hosts, version), 400);
  });
}
