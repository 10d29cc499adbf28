// OpenAPI and Swagger documents in the form that ten generators write, rewritten and short.

import assert from "node:assert/strict";
import { join } from "node:path";
import test from "node:test";

import type { Client } from "../../src/cli/doctor/client.ts";
import { findDocument } from "../../src/cli/doctor/document.ts";
import { selectEndpoints } from "../../src/cli/doctor/endpoints.ts";
import { type ApiDocument, readApiDocument } from "../../src/cli/doctor/openapi.ts";
import { UsageError } from "../../src/cli/flags.ts";
import { makeDirectory } from "../support/route-file.ts";

const DOCUMENTS = join(import.meta.dirname, "documents");
const URL_OF_BACKEND = "http://127.0.0.1:8000";
const SITE = { origin: URL_OF_BACKEND, base: undefined };

const NOTHING: Parameters<typeof selectEndpoints>[1] = {
  targets: [],
  params: new Map(),
  fields: [],
  include: [],
  exclude: [],
  limit: 200,
};

async function read(openapi: string, cwd = DOCUMENTS): Promise<ApiDocument> {
  const found = await findDocument(
    { url: URL_OF_BACKEND } as Client,
    { openapi, base: undefined },
    { cwd },
  );
  return found.document ?? assert.fail();
}

interface Expected {
  readonly version: string;
  readonly targets: readonly string[];
  readonly notTried?: readonly string[];
  readonly withoutGet?: number;
}

const cases: Readonly<Record<string, Expected>> = {
  "fastapi-3.0.json": {
    version: "OpenAPI 3.0.2",
    targets: ["/items/1"],
    notTried: ["/users/{name}: no value for name: --param name=…"],
    withoutGet: 1,
  },
  "fastapi-3.1.json": {
    version: "OpenAPI 3.1.0",
    targets: ["/api/v1/models/alexnet", "/api/v1/pages/1"],
  },
  "springdoc.json": {
    version: "OpenAPI 3.0.1",
    targets: ["/shop/orders/42", "/shop/actuator/health"],
    notTried: ["/shop/orders: needs the query parameter pageable: --param pageable=…"],
  },
  "nestjs.json": {
    version: "OpenAPI 3.0.0",
    targets: ["/cats?limit=10&roles=Admin", "/cats/c1"],
  },
  "drf-spectacular.yaml": {
    version: "OpenAPI 3.0.3",
    targets: ["/api/books/", "/api/books/00000000-0000-0000-0000-000000000000/formats/json/"],
    notTried: ["/api/books/{id}/: no value for id: --param id=…"],
  },
  "swagger-jsdoc.json": {
    version: "Swagger 2.0",
    targets: ["/v1/users", "/v1/users/jane%20doe"],
  },
  "go-swag.json": {
    version: "Swagger 2.0",
    targets: ["/api/v1/accounts/1?order=asc"],
    withoutGet: 1,
  },
  "swashbuckle.json": {
    version: "OpenAPI 3.0.4",
    targets: ["/WeatherForecast", "/files/read%20me.0"],
    notTried: ["/Account/Logout: its name says that a GET changes something: --include it"],
  },
  "hand-written.yaml": {
    version: "OpenAPI 3.1.0",
    targets: ["/v2/pets/rex", "/v2/pets/rex/photo?size=64", "/status"],
  },
  "api-platform.json": {
    version: "OpenAPI 3.1.0",
    targets: ["/api/greetings"],
    notTried: ["/api/greetings/{id}: no value for id: --param id=…"],
  },
};

for (const [file, { version, targets, notTried = [], withoutGet = 0 }] of Object.entries(cases)) {
  test(`${file}: doctor finds its GETs and fills their parameters`, async () => {
    const document = await read(file);
    const selection = selectEndpoints(document, NOTHING);
    assert.equal(document.version, version);
    assert.equal(document.withoutGet, withoutGet);
    assert.deepEqual(
      selection.endpoints.map(({ target }) => target),
      targets,
    );
    assert.deepEqual(
      selection.notTried.map(({ shown, reason }) => `${shown}: ${reason}`),
      notTried,
    );
  });
}

test("a required header is sent with its example", async () => {
  const { endpoints } = selectEndpoints(await read("fastapi-3.1.json"), NOTHING);
  assert.deepEqual(endpoints[0]?.fields, ["X-Tenant", "acme"]);
  const own = { ...NOTHING, fields: ["x-tenant", "mine"] };
  assert.deepEqual(selectEndpoints(await read("fastapi-3.1.json"), own).endpoints[0]?.fields, []);
});

test("--include, --exclude and --limit choose, and report what they skipped", async () => {
  const document = await read("swashbuckle.json");
  const shown = (options: Partial<typeof NOTHING>) => {
    const { endpoints, notTried } = selectEndpoints(document, { ...NOTHING, ...options });
    return [endpoints.map(({ shown: path }) => path), notTried.map(({ reason }) => reason)];
  };
  assert.deepEqual(shown({ include: ["*/Logout"] }), [["/Account/Logout"], []]);
  assert.deepEqual(shown({ exclude: ["/files/*", "*Logout"] }), [["/WeatherForecast"], []]);
  assert.deepEqual(shown({ exclude: ["/Account*"], limit: 1 }), [
    ["/WeatherForecast"],
    ["beyond --limit 1"],
  ]);
});

test("a server of this origin is preferred to the first one", () => {
  const servers = [{ url: "https://other.example/a" }, { url: `${URL_OF_BACKEND}/b` }];
  const document = { openapi: "3.0.0", servers, paths: { "/x": { get: {} } } };
  assert.equal(readApiDocument(document, SITE)?.operations[0]?.path, "/b/x");
  const own = { ...SITE, base: "/c" };
  assert.equal(
    readApiDocument(document, own)?.operations[0]?.path,
    "/c/x",
    "--base counts before all",
  );
});

test("references that are circular, broken or to other documents are reported, not followed", () => {
  const loop = { $ref: "#/components/parameters/a" };
  const document = {
    openapi: "3.0.0",
    paths: {
      "/loop/{id}": { get: { parameters: [loop] } },
      "/schema/{id}": {
        get: {
          parameters: [{ name: "id", in: "path", schema: { $ref: "#/components/schemas/S" } }],
        },
      },
      "/elsewhere/{id}": { get: { parameters: [{ $ref: "http://other.example/p.json" }] } },
      "/nowhere": { $ref: "#/toString" },
      "/proto": { $ref: "#/__proto__/get" },
    },
    components: {
      parameters: { a: { $ref: "#/components/parameters/b" }, b: loop },
      schemas: {
        S: { allOf: [{ $ref: "#/components/schemas/S" }, { $ref: "#/components/schemas/S" }] },
      },
    },
  };
  const read2 = readApiDocument(document, SITE) ?? assert.fail();
  const { endpoints, notTried } = selectEndpoints(read2, NOTHING);
  assert.deepEqual(endpoints, []);
  assert.deepEqual(
    notTried.map(({ shown }) => shown),
    ["/loop/{id}", "/schema/{id}", "/elsewhere/{id}"],
  );
});

test("reading any document throws nothing", () => {
  const odd: readonly unknown[] = [null, 7, "x", [], {}, { toString: 1 }, [null], { $ref: 7 }];
  const levels: readonly ((value: unknown) => unknown)[] = [
    (value) => ({ openapi: "3.0.0", paths: value }),
    (value) => ({ openapi: "3.0.0", servers: value, paths: { "/a": { get: {} } } }),
    (value) => ({ openapi: "3.0.0", servers: [{ url: value }], paths: { "/a": { get: {} } } }),
    (value) => ({ openapi: value, paths: {} }),
    (value) => ({ swagger: value, paths: {} }),
    (value) => ({ swagger: "2.0", basePath: value, paths: { "/a": { get: {} } } }),
    (value) => ({ openapi: "3.0.0", paths: { "/a": value } }),
    (value) => ({ openapi: "3.0.0", paths: { "/a": { get: value } } }),
    (value) => ({ openapi: "3.0.0", paths: { "/a": { get: { parameters: value } } } }),
    (value) => ({ openapi: "3.0.0", paths: { "/a": { get: { parameters: [value] } } } }),
    ...["name", "in", "schema", "examples", "example", "content"].map((key) => (value: unknown) => {
      const parameter = { name: "a", in: "path", [key]: value };
      return { openapi: "3.0.0", paths: { "/{a}": { get: { parameters: [parameter] } } } };
    }),
    ...["allOf", "enum", "items", "minimum", "default"].map((key) => (value: unknown) => {
      const parameter = { name: "a", in: "path", schema: { [key]: value } };
      return { openapi: "3.0.0", paths: { "/{a}": { get: { parameters: [parameter] } } } };
    }),
  ];
  for (const toDocument of levels)
    for (const value of odd) {
      const document = readApiDocument(toDocument(value), SITE);
      if (document !== undefined) selectEndpoints(document, NOTHING);
    }
  for (const value of odd) assert.equal(readApiDocument(value, SITE), undefined);
});

test("a file that is no document is a wrong argument", async (t) => {
  const cwd = await makeDirectory(t, {
    "page.html": "<!doctype html><title>API</title>",
    "other.yaml": "a: 1\n",
    "broken.yaml": "a: [\n",
    "deep.yaml": `- ${"- ".repeat(1_000)}`,
    "deep.json": `{"openapi":"3.0.0","paths":${"[".repeat(1e6)}${"]".repeat(1e6)}}`,
    "aliases.yaml": `a: &a [1]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\nc: *c\n`,
    "two.yaml": "a: 1\n---\nb: 2\n",
  });
  for (const file of ["page.html", "other.yaml", "broken.yaml", "deep.yaml", "two.yaml", "none"])
    await assert.rejects(read(file, cwd), UsageError, file);
  await assert.rejects(read("deep.yaml", cwd), /is nested deeper than 64 levels/);
  await assert.rejects(read("deep.json", cwd), /is nested deeper than 256 levels/);
  await assert.rejects(read("other.yaml", cwd), /it is no OpenAPI 3 or Swagger 2 document$/);
});

test("brackets in a long text do not count as levels", async (t) => {
  const description = JSON.stringify(`\\"${"[\n".repeat(2 ** 22)}`);
  const text = `{"openapi":"3.0.0","info":{"description":${description}},"paths":{"/a":{"get":{}}}}`;
  const cwd = await makeDirectory(t, { "long.json": text });
  assert.equal((await read("long.json", cwd)).operations.length, 1);
});

test("aliases that multiply are refused", async (t) => {
  const lines = Array.from(
    { length: 9 },
    (_line, index) => `l${index + 1}: &l${index + 1} [${`*l${index}, `.repeat(9)}*l${index}]\n`,
  );
  const text = `openapi: 3.0.0\npaths: {}\nl0: &l0 [x]\n${lines.join("")}`;
  const cwd = await makeDirectory(t, { "laughs.yaml": text });
  await assert.rejects(read("laughs.yaml", cwd), /aliases repeat more than 10000 values/);
});
