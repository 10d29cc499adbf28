/** inject over Compose files in layouts drawn at random. */

import assert from "node:assert/strict";
import test from "node:test";
import { isMap, isScalar, parseAllDocuments } from "yaml";

import { ConfigError } from "../../src/config/diagnostic.ts";
import { OPTIONS, WITH_FILE, injected, removed } from "../support/inject.ts";
import { type Fields, readManifests } from "../support/manifests.ts";
import { fc } from "../support/property.ts";
import { drawCompose } from "../support/random-compose.ts";
import { isSubsequence } from "../support/subsequence.ts";

const compose = fc.array(fc.nat({ max: 59 }), { maxLength: 300, size: "max" }).map(drawCompose);

/** The only reason for which such a file may be refused. */
const REFUSED = /stays with the app; write it in short form/;

test("inject and then remove gives back the bytes of a Compose file, and what is between is what was promised", () => {
  let done = 0;
  fc.assert(
    fc.property(compose, fc.boolean(), (text, hasFile) => {
      const options = hasFile ? WITH_FILE : OPTIONS;
      let after: string;
      try {
        after = injected(text, options);
      } catch (error) {
        assert.ok(error instanceof ConfigError && REFUSED.test(error.message), String(error));
        assert.ok(portsOf(read(text)["services"].web).some(isLongSide), text);
        return;
      }
      done++;
      assert.equal(removed(after), text);
      assert.equal(injected(after, options), after, "inject twice is inject once");
      assertMeant(read(after), read(text), hasFile);
      assert.ok(
        isSubsequence(withoutPorts(text), after),
        "every byte but those of the ports stays",
      );
      if (text.includes("\r\n")) assert.doesNotMatch(after, /(?<!\r)\n/);
    }),
    { numRuns: 150 },
  );
  assert.ok(done > 75, `${done} were injected`);
});

/** Compares all that a file means before and after. */
function assertMeant(after: Fields, before: Fields, hasFile: boolean): void {
  const { headgate, ...services } = after["services"];
  const { web } = before["services"];
  const ports = portsOf(web);
  const kept = { ...web, ports: ports.filter((port) => !isHttp(port)) };
  assert.deepEqual(
    { ...after, services },
    { ...before, services: { ...before["services"], web: kept } },
  );
  const { labels, image, ...rest } = headgate;
  assert.deepEqual(Object.keys(labels), ["dev.headgate.injected"]);
  assert.equal(image, OPTIONS.image);
  const { networks, healthcheck, profiles } = web;
  const isWatched = healthcheck !== undefined && healthcheck.disable !== true;
  const expected = {
    environment: {
      HEADGATE_UPSTREAM: "http://web:8000",
      HEADGATE_CONFIG: hasFile ? "/etc/headgate/routes.yaml" : undefined,
    },
    ports: ports.filter(isHttp).map(toMoved),
    volumes: hasFile ? ["./headgate:/etc/headgate:ro"] : undefined,
    depends_on: isWatched ? { web: { condition: "service_healthy" } } : ["web"],
    networks: Array.isArray(networks) ? networks : networks && Object.keys(networks),
    profiles,
    restart: "unless-stopped",
    stop_grace_period: "30s",
    read_only: true,
    cap_drop: ["ALL"],
    security_opt: ["no-new-privileges:true"],
    mem_limit: "192m",
  };
  assert.deepEqual(rest, JSON.parse(JSON.stringify(expected)));
}

type Port = string | number | Fields;

function portsOf(service: Fields): readonly Port[] {
  return service["ports"];
}

function isHttp(port: Port): boolean {
  if (typeof port === "object") return port["target"] === 8000;
  return /(?:^|:)8000(?:\/tcp)?$/.test(String(port));
}

function isLongSide(port: Port): boolean {
  return typeof port === "object" && !isHttp(port);
}

/** The port at which headgate is published: only the container's port is another one. */
function toMoved(port: Port): Port {
  if (typeof port === "object") return { ...port, target: 8080 };
  return String(port).replace(/8000(\/tcp)?$/, "8080$1");
}

function read(text: string): Fields {
  return readManifests(text, { merge: true })[0] ?? assert.fail("no document");
}

/** The text without the value of the app's ports. */
function withoutPorts(text: string): string {
  const [document] = parseAllDocuments(text);
  const web = document?.getIn(["services", "web"]);
  assert.ok(isMap(web));
  const pair = web.items.find(({ key }) => isScalar(key) && key.value === "ports");
  const [, keyEnd = 0] = (isScalar(pair?.key) ? pair.key.range : undefined) ?? [];
  const value = web.get("ports", true) as { range?: readonly [number, number, number] } | undefined;
  const [, end = 0] = value?.range ?? [];
  return text.slice(0, text.indexOf(":", keyEnd) + 1) + text.slice(end);
}
