/** inject with Compose files: the published port moves to headgate, and everything else stays. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";

import { parseUpstreamUrl } from "../../../src/config/address.ts";
import { injectInto } from "../../../src/cli/inject/inject.ts";
import type { InjectOptions } from "../../../src/cli/inject/options.ts";
import { OPTIONS, WITH_FILE, injected, refusal, removed } from "../../support/inject.ts";
import { type Fields, readManifests, root } from "../../support/manifests.ts";

const PLAIN = `# My stack.
services:
  web:
    build: .   # here
    ports:
      - "127.0.0.1:\${PORT:-8000}:8000"  # published
      - "9229:9229"
    networks: [front, back]
    healthcheck:
      test: ["CMD", "true"]
    depends_on:
      - db

  db:
    image: postgres
    ports: ["5432:5432"]

networks:
  front:
  back:
`;

interface Shape {
  readonly text: string;
  /** headgate's ports, and those that the app keeps. */
  readonly moved: readonly unknown[] | undefined;
  readonly kept: readonly unknown[] | undefined;
  readonly options?: Partial<InjectOptions>;
}

const SHAPES: Readonly<Record<string, Shape>> = {
  plain: { text: PLAIN, moved: ["127.0.0.1:${PORT:-8000}:8080"], kept: ["9229:9229"] },
  "CRLF and a byte order mark": {
    text: `\ufeff${PLAIN}`.replaceAll("\n", "\r\n"),
    moved: ["127.0.0.1:${PORT:-8000}:8080"],
    kept: ["9229:9229"],
  },
  // inject took a file with an empty document behind it for one that has nothing to add headgate to.
  "empty documents around it": {
    text: `---\n# nothing\n---\n${PLAIN}---\n`,
    moved: ["127.0.0.1:${PORT:-8000}:8080"],
    kept: ["9229:9229"],
  },
  "a flow list and no line end": {
    text: 'version: "3"\nservices:\n    web:\n        image: app\n        ports: [ "8000:8000/tcp" ]',
    moved: ["8000:8080/tcp"],
    kept: [],
  },
  "long form": {
    text: `services:
  web:
    image: app
    ports:
    - target: 8000
      published: "80"
      host_ip: 127.0.0.1
      protocol: tcp
      mode: host
    environment:
    - A=b
volumes: {}
`,
    moved: [{ target: 8080, published: "80", host_ip: "127.0.0.1", protocol: "tcp", mode: "host" }],
    kept: [],
  },
  "a port alone": {
    text: "services:\n  web:\n    image: app\n    ports:\n      - 8000\n",
    moved: ["8080"],
    kept: [],
  },
  "UDP beside TCP": {
    text: 'services:\n  web:\n    ports:\n      - "8000:8000"\n      - "8000:8000/udp"\n    image: app\n',
    moved: ["8000:8080"],
    kept: ["8000:8000/udp"],
  },
  "no published port": {
    text: "services:\n  web:\n    image: app\n    expose: [8000]\n",
    moved: undefined,
    kept: undefined,
    options: { compose: "web", upstreamPort: 8000 },
  },
  "one of two services": {
    text: 'services:\n  a:\n    image: a\n    ports: ["8000:8000"]\n  web:\n    image: b\n    ports: ["8001:8001"]\n    profiles: [x]\n',
    moved: ["8001:8080"],
    kept: [],
    options: { compose: "web" },
  },
  "anchors and merge keys": {
    text: `x-base: &base
  image: app
  restart: always
services:
  web:
    <<: *base
    ports: &ports
      - "8000:8000"
  worker:
    <<: *base
`,
    moved: ["8000:8080"],
    kept: [],
  },
  JSON: {
    text: JSON.stringify(
      { services: { web: { image: "app", ports: ["8000:8000"] } }, volumes: {} },
      null,
      2,
    ),
    moved: ["8000:8080"],
    kept: [],
  },
  "another container port": {
    text: PLAIN,
    moved: ["127.0.0.1:${PORT:-8000}:9000"],
    kept: ["9229:9229"],
    options: { port: 9000 },
  },
};

const servicesOf = (text: string): Fields => readManifests(text, { merge: true })[0]?.["services"];

for (const [name, { text, moved, kept, options }] of Object.entries(SHAPES)) {
  for (const base of [OPTIONS, WITH_FILE]) {
    const way = base === WITH_FILE ? ", with a route file" : "";
    test(`${name}${way}: the port moves, a second inject changes nothing, --remove restores the bytes`, () => {
      const given = { ...base, ...options };
      const after = injected(text, given);
      const { headgate, ...others } = servicesOf(after);
      assert.deepEqual(headgate.ports, moved);
      assert.deepEqual(others["web"].ports, kept);
      const before = servicesOf(text);
      if (kept !== undefined) before["web"].ports = kept;
      assert.deepEqual(others, before);
      assert.equal(injected(after, given), after);
      assert.equal(removed(after), text);
      if (text.includes("\r")) assert.doesNotMatch(after, /(?<!\r)\n/);
    });
  }
}

test("headgate's service waits for a healthy app, and is in its networks and profiles", () => {
  const { headgate } = servicesOf(injected(PLAIN, WITH_FILE));
  assert.deepEqual(headgate.depends_on, { web: { condition: "service_healthy" } });
  assert.deepEqual(headgate.networks, ["front", "back"]);
  assert.deepEqual(headgate.environment, {
    HEADGATE_UPSTREAM: "http://web:8000",
    HEADGATE_CONFIG: "/etc/headgate/routes.yaml",
  });
  assert.deepEqual(headgate.volumes, ["./headgate:/etc/headgate:ro"]);
  assert.equal(headgate.mem_limit, "192m");
  const other = SHAPES["one of two services"];
  const { headgate: second } = servicesOf(
    injected(other?.text ?? "", { ...OPTIONS, compose: "web" }),
  );
  assert.deepEqual([second.depends_on, second.profiles], [["web"], ["x"]]);
});

test("a route file beside the Compose file is mounted alone, as the folder has other files", () => {
  const routeFile = {
    path: "/srv/app/routes.yaml",
    text: "routes: []\n",
    upstream: parseUpstreamUrl("http://app.example"),
  };
  const { headgate } = servicesOf(injected(PLAIN, { ...OPTIONS, routeFile }));
  assert.deepEqual(headgate.volumes, ["./routes.yaml:/etc/headgate/routes.yaml:ro"]);
  assert.equal(headgate.environment.HEADGATE_UPSTREAM, undefined);
});

// Symptom: behind a Compose file with the route file that `headgate init http://127.0.0.1:8000` had written, every request was 502.
// Root cause: the file's upstream stayed in effect, and in Compose 127.0.0.1 is headgate's own container.
// Fix: an upstream on loopback is overridden, and inject says so.
test("the health check stays the image's: podman-compose would run it through a shell, which the image does not have", () => {
  for (const url of ["http://127.0.0.1:8000", "http://localhost", "http://[::1]:8000"]) {
    const upstream = parseUpstreamUrl(url);
    const routeFile = { path: "/srv/app/headgate/routes.yaml", text: "", upstream };
    const { files, next } = injectInto([{ name: "f.yaml", text: PLAIN }], {
      ...OPTIONS,
      routeFile,
    });
    const { headgate } = servicesOf(files[0]?.text ?? "");
    assert.equal(headgate.environment.HEADGATE_UPSTREAM, "http://web:8000");
    assert.match(
      next.join("\n"),
      /^the route file's upstream, http:.*, would be headgate's own container/m,
    );
  }
  const upstream = parseUpstreamUrl("unix:/run/app.sock");
  const socket = { path: "/srv/app/routes.yaml", text: "", upstream };
  const { headgate } = servicesOf(injected(PLAIN, { ...OPTIONS, routeFile: socket }));
  assert.equal(headgate.environment.HEADGATE_UPSTREAM, undefined);
});

test("the health check is left to the image: podman-compose would run it through a shell, which the image does not have", () => {
  assert.equal(servicesOf(injected(PLAIN))["headgate"].healthcheck, undefined);
});

test("characters in the label that Compose would substitute are doubled", () => {
  assert.match(injected(PLAIN), /\$\$\{PORT:-8000\}:8000/);
});

const REFUSED: readonly (readonly [string, string, Partial<InjectOptions>, RegExp])[] = [
  [
    "several services",
    'services:\n  a: { ports: ["80:80"] }\n  b: { ports: ["81:81"] }\n',
    {},
    /^f\.yaml:2:3 services: a, b publish ports; give --compose/,
  ],
  [
    "no published port",
    "services:\n  a: { image: a }\n",
    {},
    /no service publishes a port; give --compose SERVICE/,
  ],
  ["an unknown service", PLAIN, { compose: "wbe" }, /there is no service wbe/],
  [
    "a range of ports",
    'services:\n  a: { ports: ["80-90:80-90"] }\n',
    {},
    /^f\.yaml:2:15 services\.a: the app's port cannot be told/,
  ],
  [
    "the host's network",
    'services:\n  a: { network_mode: host, ports: ["80:80"] }\n',
    {},
    /^f\.yaml:2:22 services\.a: a service with a network_mode/,
  ],
  [
    "ports behind an alias",
    'x: &p ["80:80"]\nservices:\n  a: { ports: *p }\n',
    {},
    /^f\.yaml:3:15 services\.a: an alias stands/,
  ],
  [
    "ports that an alias repeats",
    'services:\n  a: { ports: &p ["80:80"] }\n  b: { image: b }\nx: *p\n',
    {},
    /^f\.yaml:4:4 services\.a: repeats/,
  ],
  // Symptom: after inject, another service published nothing any more, or published the app's port past headgate.
  // Root cause: only the list of ports was checked for its use elsewhere, not the service around it, and a tag was dropped.
  // Fix: a service that others take over is refused at the place where they do, and so is a tag before the ports.
  [
    "a service that a merge key repeats",
    'services:\n  a: &a { ports: ["80:80"] }\n  b:\n    <<: *a\n',
    { compose: "a" },
    /^f\.yaml:4:9 services\.a: repeats what headgate has to change at &a/,
  ],
  [
    "a service that another one extends",
    'services:\n  a: { ports: ["80:80"] }\n  b:\n    extends: { service: a }\n    image: b\n',
    {},
    /^f\.yaml:4:14 services\.a: services\.b takes over its ports/,
  ],
  [
    "a service that another one extends by its name alone",
    'services:\n  a: { ports: ["80:80"] }\n  b: { extends: a }\n',
    {},
    /^f\.yaml:3:17 services\.a: services\.b takes over its ports/,
  ],
  [
    "ports with a tag for the merge of files",
    'services:\n  a:\n    ports: !override\n      - "80:80"\n',
    {},
    /^f\.yaml:4:7 services\.a: ports has a tag/,
  ],
];

test("another service may extend one of the same name in another file", () => {
  const text =
    'services:\n  a: { ports: ["80:80"] }\n  b: { extends: { service: a, file: other.yaml } }\n';
  assert.equal(removed(injected(text)), text);
});

for (const [what, text, options, expected] of REFUSED) {
  test(`inject refuses ${what}, and names its place`, () => {
    assert.match(refusal(text, { ...OPTIONS, ...options }), expected);
  });
}

test("a Compose file with another service named headgate stays unchanged", () => {
  const text = readFileSync(join(root, "examples", "compose", "compose.yaml"), "utf8");
  const { files, isThereAlready } = injectInto([{ name: "f.yaml", text }], OPTIONS);
  assert.equal(files[0]?.text, text);
  assert.equal(isThereAlready, true);
});

test("--remove refuses if the service or the app's ports were changed", () => {
  const text = injected(PLAIN);
  assert.throws(
    () => removed(text.replace("mem_limit: 192m", "mem_limit: 96m")),
    /services: is not as inject wrote it/,
  );
  assert.throws(
    () => removed(text.replace(`ports: ["9229:9229"]`, "ports: []")),
    /services: is not as inject wrote it/,
  );
});

test("other changes of the file stay when headgate is removed", () => {
  const edit = (text: string) =>
    text.replace("build: .", "build: ./web").replace("image: postgres", "image: postgres:18");
  assert.equal(removed(edit(injected(PLAIN))), edit(PLAIN));
});
