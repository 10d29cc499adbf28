// A plain uvicorn sidecar: `localhost` is 127.0.0.1 and ::1 in the hosts file, and the app listens on 127.0.0.1 only.

import assert from "node:assert/strict";
import test from "node:test";

import { createNames, namesMissing } from "../support/names.ts";
import { startRun } from "../support/process.ts";
import { curl, describeReal, startStack } from "./stack.ts";

describeReal("uvicorn on 127.0.0.1 as http://localhost", () => {
  for (const order of [
    ["::1", "127.0.0.1"],
    ["127.0.0.1", "::1"],
  ]) {
    test(
      `a HEAD and a GET get responses with ${order.join(" before ")} in the hosts file`,
      { skip: namesMissing() },
      async (t) => {
        const hosts = order.map((address) => `${address} localhost\n`).join("");
        const { through } = createNames(t, { hosts });
        const stack = await startStack();
        t.after(() => stack.stop());
        const url = `http://localhost:${new URL(stack.direct).port}`;
        const { port } = await startRun(t, ["--upstream", url], through);
        assert.match(await curl("-I", `http://127.0.0.1:${port}/health`), /^HTTP\/1\.1 200 /);
        assert.match(await curl("-i", `http://127.0.0.1:${port}/health`), /^HTTP\/1\.1 200 /);
      },
    );
  }
});
