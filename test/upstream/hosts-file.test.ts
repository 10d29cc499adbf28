import assert from "node:assert/strict";
import test from "node:test";
import { findInHosts } from "../../src/upstream/hosts-file.ts";

const HOSTS = `# a comment with app.test
127.0.0.1\tlocalhost
::1  localhost ip6-localhost
10.0.0.1 app.test App # app.old
10.0.0.2 APP.TEST\r
fe80::1%eth0 linked
10.0.0.1 other app.test
10.0.0.300 app.test
app.test
`;

const CASES: readonly (readonly [string, readonly string[]])[] = [
  ["localhost", ["127.0.0.1", "::1"]],
  ["app.test", ["10.0.0.1", "10.0.0.2"]],
  ["App.Test", ["10.0.0.1", "10.0.0.2"]],
  ["app", ["10.0.0.1"]],
  ["linked", ["fe80::1%eth0"]],
  ["app.old", []],
  ["pp.test", []],
  ["10.0.0.1", []],
  ["", []],
];

for (const [name, addresses] of CASES) {
  test(`a hosts file gives ${JSON.stringify(name)} ${addresses.length} addresses`, () => {
    assert.deepEqual(findInHosts(HOSTS, name), addresses);
  });
}
