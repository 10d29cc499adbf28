import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { loadText, messageOf } from "../support/route-file.ts";

test("the examples in the documentation are what headgate prints", async (t) => {
  const blocks = ["docs/troubleshooting.md", "docs/route-file.md"].flatMap((page) => {
    const text = readFileSync(new URL(`../../${page}`, import.meta.url), "utf8");
    return [...text.matchAll(/^```\n(routes\.yaml:[^`]*)\n```$/gm)].map(([, block = ""]) => block);
  });
  assert.equal(blocks.length, 3);
  for (const block of blocks) {
    const lines: string[] = [];
    for (const [, number, content = ""] of block.matchAll(/^ +(\d+) \| (.*)$/gm))
      lines[Number(number) - 1] = content;
    const text = Array.from(lines, (line) => line ?? "").join("\n");
    assert.equal((await messageOf(loadText(t, text))).replace("f.yaml", "routes.yaml"), block);
  }
});
