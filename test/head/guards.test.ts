import assert from "node:assert/strict";
import test from "node:test";
import { findGuard, isGuarded } from "../../src/head/guards.ts";
import { toFields } from "../support/fields.ts";

const BOTH = ["tus", "signed-url"] as const;

test("a field of tus guards a HEAD, however it is written", () => {
  for (const line of [
    "Tus-Resumable: 1.0.0",
    "TUS-RESUMABLE: 1.0.0",
    "upload-offset: 0",
    "Upload-Length: 1",
  ])
    assert.ok(isGuarded({ path: "/", fields: toFields(["Accept: a", line]) }, ["tus"]), line);
  for (const line of [
    "Accept: Tus-Resumable",
    "Tus: 1",
    "Uploaded: 1",
    "X-Upload-Offset: 1",
    "T: Upload-Offset",
    "Upgrade: x",
  ])
    assert.ok(!isGuarded({ path: "/", fields: toFields([line]) }, BOTH), line);
});

test("a signature in the query guards a HEAD", () => {
  for (const query of [
    "X-Amz-Date=1&X-Amz-Signature=a",
    "x-amz-signature=a",
    "X-Goog-Signature=a",
    "sv=2022&sig=a",
    "sig=a&se=2026",
  ])
    assert.ok(isGuarded({ path: `/a?${query}`, fields: [] }, ["signed-url"]), query);
  for (const path of [
    "/a",
    "/X-Amz-Signature=a",
    "/a?sig=a",
    "/a?se=1&sv=1",
    "/a?xsig=a&se=1",
    "/a?sig=a&use=1",
    "/a?q=X-Amz-Signature",
  ])
    assert.ok(!isGuarded({ path, fields: [] }, BOTH), path);
});

test("only the guards that are named look", () => {
  const request = { path: "/a?X-Amz-Signature=a", fields: ["Tus-Resumable", "1.0.0"] };
  assert.equal(findGuard(request, BOTH), "tus");
  assert.equal(findGuard({ ...request, fields: [] }, BOTH), "signed-url");
  assert.ok(!isGuarded(request, []));
  assert.ok(isGuarded({ ...request, path: "/" }, ["tus"]));
  assert.ok(!isGuarded({ ...request, path: "/" }, ["signed-url"]));
});
