// Flask and Django on gunicorn, tornado and aiohttp: what each does with a HEAD by itself, and what headgate does with it.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestContext } from "node:test";

import {
  PYTHON,
  createFolder,
  findAddress,
  runClient,
  startBackend,
  startHeadgate,
  testReal,
} from "../support/real.ts";
import { PYTHON_ENV, toGunicorn } from "./backends.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const TEXT = "text that is worth compressing; ".repeat(500);

testReal(
  "Flask on gunicorn",
  { "python:flask": "python3-flask", "/usr/bin/gunicorn": "gunicorn", curl: "curl" },
  async (t) => {
    const direct = await startGunicorn(t, "flask_app");
    const { url } = await startHeadgate(t, direct);

    await t.test("Flask serves HEAD itself, except for a view that checks the method", async () => {
      assert.match(await headers(direct, "/json", "-I"), /^HTTP\/1\.1 200 /);
      assert.match(await headers(direct, "/get-only", "-I"), /^HTTP\/1\.1 405 /);
    });

    for (const path of ["/json", "/file", "/get-only", "/me", "/none"])
      await t.test(`a HEAD of ${path} has the fields of the GET`, () => hasSameFields(url, path));

    await t.test("a HEAD of a streamed response has no framing", async () => {
      const get = await headers(url, "/stream");
      assert.equal(
        await headers(url, "/stream", "-I"),
        get.replace(/^Transfer-Encoding:.*\r\n/im, ""),
      );
    });

    await t.test("uploads of any size come back", async () => {
      const file = join(createFolder(t), "upload");
      writeFileSync(file, TEXT.repeat(100));
      for (const options of [
        [],
        ["-H", "Transfer-Encoding: chunked"],
        ["-H", "Expect: 100-continue"],
      ]) {
        const args = ["-sSf", ...options, "--data-binary", `@${file}`, `${url}/echo`];
        assert.equal(await runClient(["curl", ...args]), TEXT.repeat(100), options.join());
      }
    });
  },
);

testReal(
  "Django on gunicorn",
  { "python:django": "python3-django", "/usr/bin/gunicorn": "gunicorn", curl: "curl" },
  async (t) => {
    const direct = await startGunicorn(t, "django_app");
    const { url } = await startHeadgate(t, direct);
    await t.test("Django serves HEAD itself, except for a view with require_GET", async () => {
      assert.match(await headers(direct, "/json", "-I"), /^HTTP\/1\.1 200 /);
      assert.match(await headers(direct, "/get-only", "-I"), /^HTTP\/1\.1 405 /);
    });
    for (const path of ["/json", "/get-only", "/none"])
      await t.test(`a HEAD of ${path} has the fields of the GET`, () => hasSameFields(url, path));
    await t.test("a known ETag is 304", async () => {
      assert.match(
        await headers(url, "/json", "-I", "-H", 'If-None-Match: "one"'),
        /^HTTP\/1\.1 304 /,
      );
    });
  },
);

testReal("tornado", { "python:tornado": "python3-tornado", curl: "curl" }, async (t) => {
  const folder = createFolder(t);
  writeFileSync(join(folder, "text.txt"), TEXT);
  writeFileSync(join(folder, "data.bin"), TEXT);
  const direct = await startApp(t, "tornado", folder);
  const { url } = await startHeadgate(
    t,
    direct,
    "routes: [{ path: /files/*, head: { range: probe } }]",
  );

  await t.test(
    "tornado refuses HEAD if a handler has only get, and headgate serves it",
    async () => {
      assert.match(await headers(direct, "/json", "-I"), /^HTTP\/1\.1 405 /);
      await hasSameFields(url, "/json");
    },
  );

  for (const path of ["/files/text.txt", "/files/data.bin"])
    for (const coding of ["gzip", "identity"])
      await t.test(
        `a probed HEAD of ${path} has the length and coding of the GET with ${coding}`,
        async () => {
          const accept = ["-H", `Accept-Encoding: ${coding}`];
          const [head, get] = [
            await headers(url, path, "-I", ...accept),
            await headers(url, path, ...accept),
          ];
          for (const name of ["Content-Length", "Content-Encoding"]) {
            const field = new RegExp(`^${name}:.*`, "im");
            assert.equal(field.exec(head)?.[0], field.exec(get)?.[0], name);
          }
        },
      );
});

testReal("aiohttp", { "python:aiohttp": "python3-aiohttp", curl: "curl" }, async (t) => {
  const direct = await startApp(t, "aiohttp");
  const { url } = await startHeadgate(t, direct);

  await t.test(
    "aiohttp refuses HEAD of a route with allow_head=False, and headgate serves it",
    async () => {
      assert.match(await headers(direct, "/get-only", "-I"), /^HTTP\/1\.1 405 /);
      await hasSameFields(url, "/get-only");
    },
  );

  await t.test("aiohttp sends 100 for an upload that expects it, and refuses another", async () => {
    const file = join(createFolder(t), "upload");
    writeFileSync(file, TEXT.repeat(100));
    const put = (path: string) =>
      runClient([
        "curl",
        "-sS",
        "-H",
        "Expect: 100-continue",
        "-T",
        file,
        url + path,
        "-w",
        "%{http_code}",
      ]);
    assert.equal(await put("/echo"), `${TEXT.repeat(100)}200`);
    assert.match(await put("/refuse"), /403$/);
  });

  await t.test("a HEAD of events gets a response", async () => {
    assert.match(await headers(url, "/events", "-I"), /^Content-Type: text\/event-stream\r$/m);
  });
});

testReal(
  "an upload that uvicorn refuses is not sent if the client expects 100",
  { "python:uvicorn": "uvicorn", curl: "curl" },
  async (t) => {
    const place = await findAddress();
    const command = [
      PYTHON,
      "-m",
      "uvicorn",
      "--host",
      place.host,
      "--port",
      String(place.port),
    ] as const;
    await startBackend(t, {
      command: [...command, "python_apps:asgi_app"],
      address: place,
      env: PYTHON_ENV,
      cwd: HERE,
    });
    const { url } = await startHeadgate(t, place.url);
    const file = join(createFolder(t), "upload");
    writeFileSync(file, TEXT.repeat(1000));
    // Longer than the second that curl itself waits for the 100.
    const patient = ["-H", "Expect: 100-continue", "--expect100-timeout", "60"];
    const format = "%{http_code} %{size_upload}";
    assert.equal(
      await runClient(["curl", "-sS", ...patient, "-T", file, `${url}/x`, "-w", format]),
      "401 0",
    );
  },
);

const REQUESTS = `
import sys, requests
url = sys.argv[1]
with requests.Session() as session:
    assert session.get(url + "/me").status_code == 401
    assert session.get(url + "/me", auth=("basic", "secret")).text == "basic"
    response = session.post(url + "/login", data={"name": "grüße"})
    assert (response.url, response.text) == (url + "/me", "grüße"), response.url
    assert [r.status_code for r in response.history] == [303]
    assert session.get(url + "/me").text == "grüße"
    head, get = session.head(url + "/json"), session.get(url + "/json")
    assert head.headers["Content-Length"] == get.headers["Content-Length"]
    assert head.content == b""
    assert session.head(url + "/get-only").status_code == 200
    etag = session.get(url + "/file").headers["ETag"]
    assert session.get(url + "/file", headers={"If-None-Match": etag}).status_code == 304
    part = session.get(url + "/file", headers={"Range": "bytes=0-2"})
    assert (part.status_code, part.text) == (206, '"""')
    def pieces():
        for number in range(100):
            yield b"%d" % number * 1000
    assert session.post(url + "/echo", data=pieces()).content == b"".join(pieces())
`;

testReal(
  "Python's requests: a login, cookies, redirects, 304, a range and an upload of unknown length",
  {
    "python:flask": "python3-flask",
    "python:requests": "python3-requests",
    "/usr/bin/gunicorn": "gunicorn",
  },
  async (t) => {
    const { url } = await startHeadgate(t, await startGunicorn(t, "flask_app"));
    await runClient([PYTHON, "-c", REQUESTS, url]);
  },
);

async function startGunicorn(t: TestContext, app: string): Promise<string> {
  const place = await findAddress();
  await startBackend(t, toGunicorn(t, place, app));
  return place.url;
}

async function startApp(t: TestContext, name: string, ...args: readonly string[]): Promise<string> {
  const place = await findAddress();
  const command = [
    PYTHON,
    join(HERE, "python_apps.py"),
    name,
    place.host,
    String(place.port),
  ] as const;
  await startBackend(t, { command: [...command, ...args], address: place, env: PYTHON_ENV });
  return place.url;
}

/** The response's header section as curl prints it; `-I` makes it a HEAD's. */
function headers(url: string, path: string, ...options: readonly string[]): Promise<string> {
  const output = options.includes("-I") ? [] : ["-D", "-", "-o", "/dev/null"];
  return runClient(["curl", "-sS", ...output, ...options, url + path]).then((text) =>
    text.replace(/^Date:.*\r\n/im, ""),
  );
}

async function hasSameFields(url: string, path: string): Promise<void> {
  assert.equal(await headers(url, path, "-I"), await headers(url, path), path);
}
