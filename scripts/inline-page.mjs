// `import page from "./page.html"`: the document as one text, with the style sheet and the script that it names in it. For esbuild.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Bundles and minifies what the document names; a script may import modules of src. */
export const inlinePage = {
  name: "inline-page",
  setup({ onLoad, esbuild }) {
    onLoad({ filter: /\.html$/ }, async ({ path }) => {
      const bundle = (name) => bundleText(esbuild, join(dirname(path), name));
      // Line breaks stay: between two words they are a space. The indentation behind them means nothing.
      const html = readFileSync(path, "utf8").replaceAll(/\n\s+/g, "\n");
      const [link, style] = /<link rel="stylesheet" href="([^"]+)" \/>/.exec(html);
      const [tag, script] = /<script type="module" src="([^"]+)"><\/script>/.exec(html);
      const [css, js] = await Promise.all([bundle(style), bundle(script)]);
      const contents = html
        .replace(link, () => `<style>${css}</style>`)
        .replace(tag, () => `<script>${js}</script>`);
      return { contents, loader: "text" };
    });
  },
};

async function bundleText({ build }, file) {
  const { outputFiles } = await build({
    entryPoints: [file],
    bundle: true,
    minify: true,
    write: false,
    // A scope of its own.
    format: "iife",
    charset: "utf8",
    legalComments: "none",
    tsconfigRaw: {},
    logLevel: "silent",
  });
  return outputFiles[0].text.trim();
}
