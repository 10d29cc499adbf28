// OpenAPI and Swagger documents in the form that ten generators write, rewritten and short.

import assert from "node:assert/strict";
import { join } from "node:path";
import test from "node:test";

import type { Client } from "../../src/cli/doctor/client.ts";
import { findDocument } from "../../src/cli/doctor/openapi-document.ts";
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

function targetsOf(document: unknown, options = NOTHING): readonly string[] {
  const { endpoints, notTried } = selectEndpoints(
    readApiDocument(document, SITE) ?? assert.fail(),
    options,
  );
  return [
    ...endpoints.map(({ target }) => target),
    ...notTried.map(({ shown, reason }) => `${shown}: ${reason}`),
  ];
}

// Symptom: endpoints of a hand-written YAML document counted as "without GET".
// Root cause: `<<` was read as a key named `<<`.
// Fix: entries of merged mappings count, where the mapping has none of its own.
test("merge keys of YAML are followed", async (t) => {
  const cwd = await makeDirectory(t, {
    "merge.yaml": `openapi: 3.0.0
x-get: &get
  get: &op { parameters: [{ name: id, in: path, example: 3 }] }
x-four: &four { parameters: [{ name: id, in: path, example: 4 }] }
paths:
  /a/{id}: { <<: *get }
  /b/{id}:
    get: { <<: [*four, *op] }
    summary: its own entries stay
  /c/{id}:
    get: { <<: *four, parameters: [{ name: id, in: path, example: 5 }] }
  /d: { "<<": *get }
`,
  });
  const { operations, withoutGet } = await read("merge.yaml", cwd);
  const { endpoints } = selectEndpoints(
    { version: "", withoutGet, unread: 0, operations },
    NOTHING,
  );
  assert.deepEqual(
    endpoints.map(({ target }) => target),
    ["/a/3", "/b/4", "/c/5"],
  );
  assert.equal(withoutGet, 1, "a quoted << is a key");
});

// Symptom: requests went to /:///v1/a.
// Root cause: variables without a default became nothing, and the rest was no URL.
// Fix: of a server's URL only the path counts, so scheme and host need no values.
test("a server whose scheme and host are variables has a path", () => {
  const baseOf = (url: string) =>
    targetsOf({ openapi: "3.0.0", servers: [{ url }], paths: { "/a": { get: {} } } });
  assert.deepEqual(baseOf("{scheme}://{host}/v1"), ["/v1/a"]);
  assert.deepEqual(baseOf("https://{host}:{port}/v1/"), ["/v1/a"]);
  assert.deepEqual(baseOf("{root}/v1"), ["/v1/a"]);
  assert.deepEqual(baseOf("https://api.example/{version}/v1"), ["/v1/a"]);
  assert.deepEqual(baseOf("//api.example/v1"), ["/v1/a"]);
  assert.deepEqual(baseOf("../v1"), ["/v1/a"]);
  assert.deepEqual(baseOf("https://api.example?x=/y"), ["/a"]);
});

// Symptom: FastAPI answered a list of numbers with 422, and the endpoint was "not compared".
// Root cause: the members of a list were sent as one text, `1,2`, whatever the parameter's style.
// Fix: one member is sent, which looks the same in each style; label and matrix have their prefix.
test("of a list its first member is sent, in the style of the parameter", () => {
  const get = (parameter: object) => ({ get: { parameters: [{ required: true, ...parameter }] } });
  const list = { name: "id", example: [3, 4] };
  const paths = {
    "/simple/{id}": get({ ...list, in: "path" }),
    "/label/{id}": get({ ...list, in: "path", style: "label" }),
    "/matrix/{id}": get({ ...list, in: "path", style: "matrix" }),
    "/form": get({ ...list, in: "query" }),
    "/pipes": get({ ...list, in: "query", style: "pipeDelimited", explode: false }),
    "/empty": get({ ...list, in: "query", example: [] }),
  };
  assert.deepEqual(targetsOf({ openapi: "3.0.0", paths }), [
    "/simple/3",
    "/label/.3",
    "/matrix/;id=3",
    "/form?id=3",
    "/pipes?id=3",
    "/empty: needs the query parameter id: --param id=…",
  ]);
});

// Symptom: a GET with Content-Length and Transfer-Encoding, and with two Host fields.
// Root cause: header parameters of the document went into the request whatever their names.
// Fix: a parameter that names a field of the message's framing or of the doctor itself is not one.
test("a document sets none of the fields that frame the message", () => {
  const names = ["Host", "content-length", "Transfer-Encoding", "Connection", "Expect", "Range"];
  const parameters = [...names, "X-Tenant"].map((name) => {
    return { name, in: "header", required: true, example: "5" };
  });
  const document = readApiDocument(
    { openapi: "3.0.0", paths: { "/a": { get: { parameters } } } },
    SITE,
  );
  const { endpoints } = selectEndpoints(document, NOTHING);
  assert.deepEqual(endpoints[0]?.fields, ["X-Tenant", "5"]);
});

// Symptom: /users/1234567890123456800 was asked for, where the example says 1234567890123456789.
// Root cause: JSON numbers above 2^53 are rounded.
// Fix: a number that may be rounded is no value.
test("a number that JSON rounds is not sent", () => {
  const parameters = [{ name: "id", in: "path", example: 1234567890123456789 }]; // oxlint-disable-line no-loss-of-precision -- this is the point
  assert.deepEqual(
    targetsOf({ openapi: "3.0.0", paths: { "/users/{id}": { get: { parameters } } } }),
    ["/users/{id}: no value for id: --param id=…"],
  );
});

test("paths beyond the limit are counted", () => {
  const paths = Object.fromEntries(
    Array.from({ length: 20_003 }, (_path, index) => [`/p${index}`, { get: {} }]),
  );
  assert.equal(readApiDocument({ openapi: "3.0.0", paths }, SITE)?.unread, 3);
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
