import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";

import { validate } from "dockerfile-utils";
import { parse } from "yaml";
import { root } from "../support/manifests.ts";

const text = readFileSync(join(root, "Dockerfile"), "utf8");
const lines = text.replaceAll("\\\n", " ").split("\n");
const argumentsOf = (instruction: string): readonly string[] =>
  lines
    .filter((line) => line.startsWith(`${instruction} `))
    .map((line) => line.slice(instruction.length + 1));

interface Service {
  readonly ports?: readonly string[];
  readonly healthcheck?: object;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly volumes?: readonly string[];
}

for (const path of ["Dockerfile", join("examples", "compose", "app", "Dockerfile")]) {
  test(`the Dockerfile linter reports nothing about ${path}`, () => {
    assert.deepEqual(validate(readFileSync(join(root, path), "utf8")), []);
  });
}

test("the linter catches an unknown instruction and a second CMD", () => {
  assert.notDeepEqual(validate("FROM a\nRUNN b\n"), []);
  assert.notDeepEqual(validate("FROM a\nCMD b\nCMD c\n"), []);
});

test("the image does not run as root, has no shell form, and both base images can be pinned by digest", () => {
  assert.deepEqual(argumentsOf("USER"), ["65532:65532"]);
  for (const instruction of ["ENTRYPOINT", "CMD"]) {
    for (const form of argumentsOf(instruction))
      assert.ok(Array.isArray(JSON.parse(form)), `${instruction} ${form}`);
  }
  assert.deepEqual(argumentsOf("FROM"), [
    "--platform=$BUILDPLATFORM ${BUILD_IMAGE} AS build",
    "${RUN_IMAGE}",
  ]);
});

test(".dockerignore admits what the Dockerfile copies, and nothing else", () => {
  const ignore = readFileSync(join(root, ".dockerignore"), "utf8").split("\n");
  const allowed = ignore.filter((line) => line.startsWith("!")).map((line) => line.slice(1));
  const copied = argumentsOf("COPY")
    .filter((line) => !line.startsWith("--from"))
    .flatMap((line) => line.split(" ").slice(0, -1))
    .map((path) => path.split("/")[0]);
  assert.ok(ignore.includes("*"));
  assert.deepEqual(new Set(allowed), new Set(copied));
});

for (const example of ["compose", "compose-two-services"]) {
  const { services } = parse(
    readFileSync(join(root, "examples", example, "compose.yaml"), "utf8"),
  ) as { services: Record<string, Service> };
  const { headgate, ...apps } = services;

  test(`examples/${example}: only headgate has a port on the host`, () => {
    assert.deepEqual(headgate?.ports, ["8080:8080"]);
    for (const [name, app] of Object.entries(apps)) {
      assert.equal(app.ports, undefined, name);
    }
  });

  test(`examples/${example}: headgate can write nowhere, has no capability, and reads its route file from a folder`, () => {
    const { read_only, cap_drop, security_opt, volumes } = headgate ?? {};
    assert.deepEqual(
      { read_only, cap_drop, security_opt, volumes },
      {
        read_only: true,
        cap_drop: ["ALL"],
        security_opt: ["no-new-privileges:true"],
        volumes: ["./headgate:/etc/headgate:ro"],
      },
    );
  });

  // podman-compose would run it through a shell, which the image does not have.
  test(`examples/${example}: the health check is left to the image`, () => {
    assert.equal(headgate?.healthcheck, undefined);
    assert.match(text, /^HEALTHCHECK /m);
  });
}
