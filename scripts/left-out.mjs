// What the bundle leaves out: modules of dependencies that are loaded at the start but that headgate never calls. For esbuild.

/** The module as its package names it, by package, each with the reason why headgate never calls it. */
const LEFT_OUT = {
  "prom-client": [
    "@opentelemetry/api", // for exemplars, which are off
    "./lib/cluster", // headgate is one process
    "./lib/pushgateway", // Prometheus scrapes headgate
    "./lib/summary", // headgate's own families are plain samples
  ],
  pino: [
    "./lib/multistream", // the log has one destination,
    "./lib/transport", // in this thread,
    "./transport", // the same, as another file names it
    "sonic-boom", // and headgate's own writer behind it
    "on-exit-leak-free", // for sonic-boom
    "@pinojs/redact", // headgate hides secrets before it logs
  ],
};

/** The same for modules that their package needs while it loads: what it reads or calls of each then, and why that is enough. */
const REDUCED = {
  // Only for values that JSON.stringify refuses. headgate logs texts, numbers and booleans.
  pino: { "safe-stable-stringify": "{ configure: () => JSON.stringify }" },
  "http-proxy": {
    // The variable DEBUG, which the app may have as well, must not make headgate print.
    debug: "() => () => {}",
    // http-proxy only joins the two sides of an upgrade (src/proxy/tunnel-join.ts): it forwards no request
    "./passes/web-incoming": "{ WEB_PASSES: {} }",
    // and no response, because what it takes for the upstream always switches protocols.
    "./web-outgoing": "{ OUTGOING_PASSES: {} }",
  },
};

/**
 * An esbuild plugin that replaces these modules. One that is left out throws when it is called. `assertUsed` throws if one of them is not
 * required any more, for example by a newer version of the package.
 */
export function createLeftOut() {
  const unused = new Set([
    ...toEntries(LEFT_OUT, Object.values),
    ...toEntries(REDUCED, Object.keys),
  ]);
  const setup = ({ onResolve, onLoad }) => {
    onResolve({ filter: /./ }, ({ path, importer }) => {
      const [, name = ""] =
        /\/node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*\/node_modules\/)/.exec(importer) ?? [];
      const reduced = REDUCED[name]?.[path];
      if (reduced === undefined && LEFT_OUT[name]?.includes(path) !== true) return undefined;
      unused.delete(`${name}: ${path}`);
      return { path, namespace: "left-out", pluginData: reduced ?? toThrowing(path) };
    });
    onLoad({ filter: /./, namespace: "left-out" }, ({ pluginData }) => ({
      contents: `module.exports = ${pluginData};`,
    }));
  };
  return {
    plugin: { name: "left-out", setup },
    assertUsed() {
      if (unused.size > 0)
        throw new Error(
          `scripts/left-out.mjs names what is not required: ${[...unused].join(", ")}`,
        );
    },
  };
}

function toEntries(table, toPaths) {
  return Object.entries(table).flatMap(([name, modules]) =>
    toPaths(modules).map((path) => `${name}: ${path}`),
  );
}

function toThrowing(path) {
  return `function () { throw new Error(${JSON.stringify(`${path} is not in the bundle`)}); }`;
}
