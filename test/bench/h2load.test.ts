import assert from "node:assert/strict";
import test from "node:test";
import { isFrozen, readH2load } from "../../tools/bench/over-tls/h2load.ts";

/** What h2load 1.52.0 prints. */
const OUTPUT = `starting benchmark...
spawning thread #0: 4 total client(s). Timing-based test with 0.3s of warm-up time and 1s of main duration for measurements.
Warm-up started for thread #0.
progress: 25% of clients started
TLS Protocol: TLSv1.3
Cipher: TLS_AES_128_GCM_SHA256
Server Temp Key: X25519 253 bits
Application protocol: h2
Warm-up phase is over for thread #0.
Main benchmark duration is started for thread #0.
Main benchmark duration is over for thread #0. Stopping all clients.
Stopped all clients for thread #0

finished in 1.30s, 3646.00 req/s, 145.72KB/s
requests: 3646 total, 3678 started, 3646 done, 3646 succeeded, 0 failed, 0 errored, 0 timeout
status codes: 3630 2xx, 0 3xx, 0 4xx, 0 5xx
traffic: 145.72KB (149217) total, 49.85KB (51044) headers (space savings 92.00%), 53.41KB (54690) data
                     min         max         mean         sd        +/- sd
time for request:     1.95ms     41.77ms     12.22ms      8.71ms    83.65%
`;

test("counts the responses that were complete within the time", () => {
  assert.equal(readH2load(OUTPUT, "h2"), 3646);
});

test("the name of the protocol is that of ALPN", () => {
  const http1 = OUTPUT.replace("protocol: h2", "protocol: http/1.1");
  assert.equal(readH2load(http1, "http/1.1"), 3646);
});

for (const [what, from, to, expected] of [
  ["another version of TLS", "TLSv1.3", "TLSv1.2", /^TLS Protocol: TLSv1\.2 instead of TLSv1\.3$/],
  ["another cipher", "_128_GCM_SHA256", "_256_GCM_SHA384", /^Cipher: TLS_AES_256_GCM_SHA384/],
  ["another group", "X25519 253 bits", "ECDH P-256 256 bits", /^Server Temp Key: ECDH P-256/],
  ["another protocol", "protocol: h2", "protocol: http/1.1", /^Application protocol: http\/1\.1/],
  ["no connection", "Application protocol: h2\n", "", /^Application protocol: nothing/],
  ["a failed request", "0 failed", "1 failed", /^h2load: requests: .* 1 failed/],
  ["a connection that broke off", "0 errored", "1 errored", / 1 errored/],
  ["a timeout", "0 timeout", "10 timeout", / 10 timeout/],
  ["a redirect", "0 3xx", "10 3xx", /status codes: .* 10 3xx/],
  ["a refused request", "0 4xx", "3 4xx", / 3 4xx/],
  ["an error of the server", "0 5xx", "20 5xx", / 20 5xx/],
  ["no response at all", "3646 done", "0 done", / 0 done/],
  ["no end", OUTPUT.slice(OUTPUT.indexOf("finished")), "", /requests: nothing/],
] as const) {
  test(`refuses figures with ${what}`, () => {
    const output = OUTPUT.replace(from, to);
    assert.notEqual(output, OUTPUT);
    assert.throws(() => readH2load(output, "h2"), { message: expected });
  });
}

test("a timed load without figures is frozen once its time is over", () => {
  const stopped = OUTPUT.slice(0, OUTPUT.indexOf("finished"));
  assert.equal(isFrozen(stopped), true);
  assert.equal(
    isFrozen(stopped.slice(0, stopped.indexOf("Main benchmark duration is over"))),
    false,
  );
  assert.equal(isFrozen(OUTPUT), false);
});
