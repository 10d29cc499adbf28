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
  // The requests that http-proxy forwards are upgrades to a target that headgate names.
  "http-proxy": ["follow-redirects"],
};

/**
 * An esbuild plugin that replaces these modules by one that throws when it is called. `assertUsed` throws if one of them is not required
 * any more, for example by a newer version of the package.
 */
export function createLeftOut() {
  const unused = new Set(
    Object.entries(LEFT_OUT).flatMap(([name, paths]) => paths.map((path) => `${name}: ${path}`)),
  );
  const setup = ({ onResolve, onLoad }) => {
    onResolve({ filter: /./ }, ({ path, importer }) => {
      const [, name = ""] =
        /\/node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*\/node_modules\/)/.exec(importer) ?? [];
      if (LEFT_OUT[name]?.includes(path) !== true) return undefined;
      unused.delete(`${name}: ${path}`);
      return { path, namespace: "left-out" };
    });
    onLoad({ filter: /./, namespace: "left-out" }, ({ path }) => ({
      contents: `module.exports = function () { throw new Error(${JSON.stringify(`${path} is not in the bundle`)}); };`,
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
