import assert from "node:assert/strict";
import test from "node:test";
import { findPassthroughRule } from "../../src/head/passthrough-rules.ts";
import { toFields } from "../support/fields.ts";

function passesThrough(...args: Parameters<typeof findPassthroughRule>): boolean {
  return findPassthroughRule(...args) !== undefined;
}

const BOTH = ["tus", "signed"] as const;

test("a tus field passes a HEAD through, in any letter case", () => {
  for (const line of [
    "Tus-Resumable: 1.0.0",
    "TUS-RESUMABLE: 1.0.0",
    "upload-offset: 0",
    "Upload-Length: 1",
  ])
    assert.ok(passesThrough({ path: "/", endToEnd: toFields(["Accept: a", line]) }, ["tus"]), line);
  for (const line of [
    "Accept: Tus-Resumable",
    "Tus: 1",
    "Uploaded: 1",
    "X-Upload-Offset: 1",
    "T: Upload-Offset",
    "Upgrade: x",
  ])
    assert.ok(!passesThrough({ path: "/", endToEnd: toFields([line]) }, BOTH), line);
});

test("a signature in the query passes a HEAD through", () => {
  for (const query of [
    "X-Amz-Date=1&X-Amz-Signature=a",
    "x-amz-signature=a",
    "X-Goog-Signature=a",
    "sv=2022&sig=a",
    "sig=a&se=2026",
    "X-Oss-Signature=a",
    "X-Tos-Signature=a",
    "q-sign-algorithm=sha1&q-signature=a",
    "AWSAccessKeyId=a&Expires=1&Signature=b",
    "GoogleAccessId=a&Expires=1&Signature=b",
    "OSSAccessKeyId=a&Signature=b",
    "KSSAccessKeyId=a&Signature=b",
    "AccessKeyId=a&Signature=b",
    "access_key_id=a&expires=1&signature=b",
    "temp_url_sig=a&temp_url_expires=1",
    "authorization=bce-auth-v1%2Fa",
    "oauth_signature_method=HMAC-SHA1&oauth_signature=a",
  ])
    assert.ok(passesThrough({ path: `/a?${query}`, endToEnd: [] }, ["signed"]), query);
  for (const path of [
    "/a",
    "/X-Amz-Signature=a",
    "/a?sig=a",
    "/a?se=1&sv=1",
    "/a?xsig=a&se=1",
    "/a?sig=a&use=1",
    "/a?q=X-Amz-Signature",
    "/a?signature=a",
    "/a?Signature=a&Key-Pair-Id=b",
    "/a?access_key_id=a",
    "/a?oauth_signature_method=PLAINTEXT&oauth_signature=a",
  ])
    assert.ok(!passesThrough({ path, endToEnd: [] }, BOTH), path);
});

const SIGNED_FIELDS = [
  "Authorization: AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host, Signature=b",
  "authorization: AWS4-ECDSA-P256-SHA256 Credential=a",
  "Authorization: AWS AKID:sig=",
  "Authorization: GOOG4-RSA-SHA256 Credential=a",
  "Authorization: GOOG1 a:b",
  "Authorization: OSS a:b",
  "Authorization: OSS4-HMAC-SHA256 Credential=a",
  "Authorization: OBS a:b",
  "Authorization: TOS4-HMAC-SHA256 Credential=a",
  "Authorization: q-sign-algorithm=sha1&q-ak=a",
  "Authorization: bce-auth-v1/a/b",
  "Authorization: QS a:b",
  "Authorization: Qiniu a:b",
  "Authorization: SharedKey a:b",
  "Authorization: SharedKeyLite a:b",
  "Authorization: type%3Dmaster%26ver%3D1.0%26sig%3Da",
  "Authorization: HMAC-SHA256 Credential=a",
  "Authorization: EG1-HMAC-SHA256 client_token=a",
  'Authorization: hmac username="a"',
  'AUTHORIZATION: digest username="a", uri="/"',
  'Authorization: Hawk id="a"',
  'Authorization: MAC id="a"',
  'Authorization: Signature keyId="a",headers="(request-target) date"',
  'Authorization: OAuth oauth_consumer_key="a", oauth_signature_method="HMAC-SHA1", oauth_signature="b"',
  "DPoP: eyJ0eXAiOiJkcG9wK2p3dCJ9",
  'Signature-Input: sig=("@method" "@authority");created=1',
  'signature-input: sig=("@request-target");created=1',
  'Signature: keyId="a",headers="(request-target) host date",signature="b"',
  "X-Ca-Signature: a",
];
const OTHER_FIELDS = [
  "Authorization: Bearer AWS4-HMAC-SHA256",
  "Authorization: Basic YTpi",
  "Authorization: Negotiate a",
  "Authorization: AWS4",
  "Authorization: Digester a",
  'Authorization: OAuth oauth_signature_method="PLAINTEXT", oauth_signature="b"',
  'Signature-Input: sig=("@authority" "content-digest")',
  "Signature: sig=:YQ==:",
  "X-Authorization: Digest a",
  "Digest: sha-256=a",
  "Host: a",
];

test("a signature in a field passes a HEAD through if it covers the method", () => {
  for (const line of SIGNED_FIELDS)
    assert.ok(
      passesThrough({ path: "/", endToEnd: toFields(["Accept: a", line]) }, ["signed"]),
      line,
    );
  for (const line of OTHER_FIELDS)
    assert.ok(!passesThrough({ path: "/", endToEnd: toFields([line]) }, BOTH), line);
});

test("only the rules that the route names apply", () => {
  const request = { path: "/a?X-Amz-Signature=a", endToEnd: ["Tus-Resumable", "1.0.0"] };
  assert.equal(findPassthroughRule(request, BOTH), "tus");
  assert.equal(findPassthroughRule({ ...request, endToEnd: [] }, BOTH), "signed");
  assert.ok(!passesThrough(request, []));
  assert.ok(passesThrough({ ...request, path: "/" }, ["tus"]));
  assert.ok(!passesThrough({ ...request, path: "/" }, ["signed"]));
});
