// The configurations in docs/recipes.md are ones that the programs accept for which they are.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { root } from "../support/manifests.ts";
import { createFolder, runAny, testReal } from "../support/real.ts";

const PAGE = readFileSync(join(root, "docs/recipes.md"), "utf8");

interface Program {
  readonly needs: Readonly<Record<string, string>>;
  /** The name of the file that holds a block. */
  readonly file: string;
  /** What the recipe leaves out, or what the machine of the test does not have. */
  complete(block: string, folder: string): string;
  check(file: string): readonly [string, ...string[]];
}

const PROGRAMS: Readonly<Record<string, Program>> = {
  nginx: {
    needs: { nginx: "nginx" },
    file: "nginx.conf",
    // nginx opens its ports to check a configuration, and 80 is root's.
    complete: (block, folder) =>
      `pid ${folder}/pid; error_log stderr; events {} http { access_log off; ${toTemporary(folder)}
      ${block.replace("listen 80;", `listen unix:${folder}/socket;`)} }`,
    check: (file) => ["nginx", "-t", "-c", file, "-e", "stderr"],
  },
  haproxy: {
    needs: { haproxy: "haproxy" },
    file: "haproxy.cfg",
    complete: (block) =>
      `defaults\n  mode http\n  timeout connect 2s\n  timeout client 1m\n  timeout server 1m\n${block}`,
    check: (file) => ["haproxy", "-c", "-f", file],
  },
  caddyfile: {
    needs: { caddy: "caddy" },
    file: "Caddyfile",
    complete: (block) => block,
    check: (file) => ["caddy", "adapt", "--adapter", "caddyfile", "--config", file],
  },
  ini: {
    needs: { "systemd-analyze": "systemd" },
    file: "headgate.service",
    complete: (block) => block.replaceAll("/usr/bin/node", process.execPath),
    check: (file) => ["systemd-analyze", "verify", file],
  },
};

for (const [language, { needs, file, complete, check }] of Object.entries(PROGRAMS)) {
  testReal(`docs/recipes.md: each block in ${language} is accepted`, needs, async (t) => {
    const blocks = [...PAGE.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms"))];
    assert.ok(blocks.length > 0);
    for (const [, block = ""] of blocks) {
      const folder = createFolder(t);
      const path = join(folder, file);
      writeFileSync(path, complete(block, folder));
      const { code, stdout, stderr } = await runAny(check(path));
      assert.equal(code, 0, `${block}\n${stdout}${stderr}`);
      assert.doesNotMatch(stderr, /unknown (?:key|lvalue|section)/i);
    }
  });
}

function toTemporary(folder: string): string {
  return ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${join(folder, name)};`)
    .join(" ");
}
