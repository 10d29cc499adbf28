import assert from "node:assert/strict";
import test from "node:test";
import {
  formatDuration,
  formatRate,
  formatSize,
  parseDuration,
  parseRate,
  parseSize,
} from "../../src/config/units.ts";

test("durations are milliseconds", () => {
  const expected = {
    "0s": 0,
    "250ms": 250,
    "5s": 5_000,
    "1.5s": 1_500,
    "1m": 60_000,
    "1h": 3_600_000,
    "596h": 2_145_600_000,
  };
  for (const [text, milliseconds] of Object.entries(expected))
    assert.equal(parseDuration(text), milliseconds, text);
});

test("rates are per second", () => {
  for (const [text, perSecond] of Object.entries({ "100/s": 100, "30/m": 0.5, "36/h": 0.01 }))
    assert.equal(parseRate(text), perSecond, text);
  for (const text of ["", "0/s", "-1/s", "1", "1/d", "1 / s", "x1/s", "1/s/s", "1/sm"])
    assert.throws(() => parseRate(text), RangeError, text);
});

test("sizes are bytes", () => {
  const expected = {
    "0B": 0,
    "512B": 512,
    "64KiB": 65_536,
    "1.5KiB": 1_536,
    "1MiB": 1_048_576,
    "1GiB": 1_073_741_824,
  };
  for (const [text, bytes] of Object.entries(expected)) assert.equal(parseSize(text), bytes, text);
});

test("a number without a unit and text that is no number are refused", () => {
  assert.throws(
    () => parseDuration("5"),
    /^RangeError: "5" is not a duration such as .*: the unit is missing$/,
  );
  assert.throws(() => parseSize("5"), /the unit is missing/);
  for (const text of ["", "s", "-1s", "1 s", "1s ", "1e3s", "1d", "0x1s", ".5s", "1m30s", "5s\n"]) {
    assert.throws(() => parseDuration(text), RangeError, text);
  }
  for (const text of ["", "KiB", "-1B", "64K", "64KB", "1TiB"])
    assert.throws(() => parseSize(text), RangeError, text);
});

/**
 * Symptom: `idleTimeout: 0.4ms` meant no limit. Root cause: it was rounded to 0, which means no limit. Fix: a value above 0 is not rounded
 * to 0.
 */
test("a value above 0 is not rounded to 0", () => {
  for (const text of ["0.4ms", "0.0001s", "0.00000001h"])
    assert.equal(parseDuration(text), 1, text);
  assert.equal(parseSize("0.0001KiB"), 1);
  assert.equal(parseDuration("0.0h"), 0);
});

test("a duration beyond 2^31-1 ms, which would fire at once, is refused", () => {
  for (const text of ["597h", "596.1h", "2147483647ms"])
    assert.throws(() => parseDuration(text), /longer than a timer can run \(596h\)/, text);
  assert.throws(() => parseDuration(`${"9".repeat(400)}s`), /longer than a timer can run/);
  assert.throws(() => parseSize(`${"9".repeat(400)}B`), /too large/);
});

test("a formatted value is short and parses to the same value", () => {
  for (const text of ["0s", "250ms", "1500ms", "5s", "90s", "1m", "1h", "36h"])
    assert.equal(formatDuration(parseDuration(text)), text);
  for (const text of ["0B", "512B", "1KiB", "64KiB", "1536KiB", "1GiB"])
    assert.equal(formatSize(parseSize(text)), text);
  for (const text of ["100/s", "30/m", "7/h", "59/m", "3599/h", "1/h"])
    assert.equal(formatRate(parseRate(text)), text);
});
